// The assignment at the edge: what the orchestrator hands out is accepted, and no name in it can become an option, a path or a program.
import { describe, expect, test } from "bun:test";
import type { Assignment as Wire } from "@omakase/orchestrator/agents/wire";
import type { z } from "zod";
import { assignment } from "./assignment.ts";

type Read<T> = T extends object ? { readonly [K in keyof T]: Read<T[K]> } : T;
/** A difference between the two accounts of the wire does not compile. */
const onTheWire = (wire: Wire): Read<z.input<typeof assignment>> => wire;

const given = (repository: Partial<Wire["repository"]> = {}, model: Partial<Wire["model"]> = {}): Wire => ({
  ...{ run: "a/b/oma-1/coder-1:1:0", agent: "a/b/oma-1/coder-1", role: "coder", attempt: 1, round: 1, token: "t".repeat(20) },
  ticket: { key: "OMA-1", title: "Tea", description: "", url: "", labels: [] },
  repository: {
    ...{ url: "https://github.com/o/r.git", defaultBranch: "main", branch: "agent/oma-1", bases: ["agent/oma-2"] },
    ...{ token: "g", tokenExpiresAt: 0, ...repository },
  },
  model: { baseUrl: "https://omakase.example/model", name: "claude-sonnet-5-5", ...model },
  limits: {
    wallClockMs: 1,
    stallMs: 1,
    maxInfrastructureAttempts: 1,
    maxAgentAttempts: 1,
    maxTurns: 1,
    maxBudgetUsd: 1,
    maxTokens: 1,
  },
  testCommand: null,
  handover: { plan: null, changes: null, review: null, tests: null, note: null },
});

describe("the assignment", () => {
  test("of the orchestrator's own shape is accepted whole", () => {
    const { limits, ...wire } = onTheWire(given());
    const { wallClockMs, maxTurns, maxBudgetUsd } = limits; // the other limits are the orchestrator's own affair
    expect(assignment.parse({ ...wire, limits })).toMatchObject({ ...wire, limits: { wallClockMs, maxTurns, maxBudgetUsd } });
  });

  test.each(["main", "release/1.x", "feature/ünïcode", "agent/oma-1", "a@b", "fix#12", "v1.0+build"])(
    "takes the branch %p",
    (branch) => {
      expect(assignment.safeParse(given({ defaultBranch: branch })).success).toBe(true);
    },
  );

  test.each([
    "",
    "-delete",
    "--upload-pack=x",
    "/root",
    "a..b",
    "a//b",
    "a/.hidden",
    "x.lock",
    "a/",
    "a.",
    "a b",
    "a:b",
    "a^b",
    "a~1",
    "a*",
    "a\nb",
    "@{u}",
    "\\",
  ])("refuses the branch %p", (branch) => {
    expect(assignment.safeParse(given({ branch })).success).toBe(false);
  });

  test.each([
    "file:///etc",
    "ext::sh -c id",
    "ssh://git@x/y",
    "git@github.com:o/r",
    "-u",
    "https://user:pass@github.com/o/r",
    "/srv/git",
  ])("refuses the repository %p", (url) => {
    expect(assignment.safeParse(given({ url })).success).toBe(false);
  });

  test("refuses a model name that is an option", () => {
    expect(assignment.safeParse(given({}, { name: "--dangerously skip" })).success).toBe(false);
  });

  test("takes a hand-over it does not understand for none", () => {
    const odd = { ...given(), handover: { plan: { summary: 1 }, changes: null, review: "x", tests: null, note: null } };
    expect(assignment.parse(odd).handover).toEqual({ plan: null, changes: null, review: null, tests: null, note: null });
  });
});
