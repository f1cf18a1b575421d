// What a claimed run is given, as this side understands it: parsed once, with every name that later reaches git or a command line
// checked for what it may contain. The orchestrator's own account of it is orchestrator/agents/wire.ts.

import { ROLES } from "@omakase/machines";
import { z } from "zod";
import { architectResult } from "./roles/architect/result.ts";
import { coderResult } from "./roles/coder/result.ts";
import { reviewerResult } from "./roles/reviewer/result.ts";
import { testerResult } from "./roles/tester/result.ts";

/** A branch name git accepts and no command line can mistake for an option (`git check-ref-format`, a little stricter). */
const branchName = z
  .string()
  .max(200)
  .regex(/^(?![-./])(?!.*(?:\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)))[\p{L}\p{N}._/#+=@-]+(?<![./])$/u, "not a branch name");
const webUrl = z
  .string()
  .max(2_000)
  .refine(
    (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? "") && !URL.parse(text)?.username,
    "not a plain http(s) address",
  );
const ms = z.number().finite().positive();

/** A hand-over that no longer fits its schema is worth less than a run: it counts as absent. */
const handed = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().catch(null);

export const assignment = z.object({
  run: z.string().min(1).max(300),
  agent: z.string().min(1).max(300),
  role: z.enum(ROLES),
  attempt: z.number().int().min(1),
  /** 1 for the first run of this role on this feature. */
  round: z.number().int().min(1),
  /** Proves the run to the orchestrator: for events, the report, the model. */
  token: z.string().min(8).max(4_000),
  ticket: z.object({
    key: z.string().regex(/^[A-Za-z0-9_-]{1,60}$/),
    title: z.string(),
    description: z.string(),
    url: z.string(),
    labels: z.array(z.string()),
  }),
  repository: z.object({
    url: webUrl,
    defaultBranch: branchName,
    branch: branchName,
    /** Branches of blockers that are not merged yet: the work starts from them. */
    bases: z.array(branchName).max(20),
    token: z.string().min(1).max(4_000),
    /** ms since 1970. */
    tokenExpiresAt: z.number(),
  }),
  model: z.object({ baseUrl: webUrl, name: z.string().regex(/^[\w.:@/[\]-]{1,120}$/) }),
  limits: z.object({
    /** Of the whole run, from its claim to its report. */
    wallClockMs: ms,
    maxTurns: z.number().int().min(1),
    maxBudgetUsd: z.number().positive(),
  }),
  testCommand: z.string().min(1).max(2_000).nullable(),
  handover: z.object({
    plan: handed(architectResult),
    changes: handed(coderResult),
    review: handed(reviewerResult),
    tests: handed(testerResult),
    note: z.string().nullable(),
  }),
});

export type Assignment = z.infer<typeof assignment>;
