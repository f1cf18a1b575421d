// What the four roles hand over, read back. The runner checks the same shapes before it reports, but a container is a stranger (P8):
// whatever it has put into a result reaches a hand-over or a pull request only when it fits.

import { z } from "zod";

const vArchitect = z.object({
  summary: z.string(),
  plan: z.string(),
  steps: z.array(z.string()),
  acceptance: z.array(z.string()),
  files: z.array(z.string()),
});
const vCoder = z.object({
  summary: z.string(),
  changes: z.array(z.object({ path: z.string(), why: z.string() })),
  testsRun: z.string(),
});
const vReviewer = z.object({
  verdict: z.enum(["approve", "request_changes"]),
  summary: z.string(),
  remarks: z.array(
    z.object({
      path: z.string(),
      line: z.number().nullable(),
      severity: z.enum(["blocker", "major", "minor", "nit"]),
      message: z.string(),
    }),
  ),
});
const vTester = z.object({
  verdict: z.enum(["pass", "fail"]),
  summary: z.string(),
  command: z.string(),
  evidence: z.array(z.object({ check: z.string(), passed: z.boolean(), output: z.string() })),
});

export type ArchitectResult = z.infer<typeof vArchitect>;
export type CoderResult = z.infer<typeof vCoder>;
export type ReviewerResult = z.infer<typeof vReviewer>;
export type TesterResult = z.infer<typeof vTester>;

/** The newest result of each role, as JSON or null. */
export type StoredResults = Readonly<Record<"architect" | "coder" | "reviewer" | "tester", string | null>>;

/** A result that is missing, damaged or of another shape is null. */
export const readResults = (stored: StoredResults) => ({
  plan: read(vArchitect, stored.architect),
  changes: read(vCoder, stored.coder),
  review: read(vReviewer, stored.reviewer),
  tests: read(vTester, stored.tester),
});

function read<S extends z.ZodType>(schema: S, json: string | null): z.infer<S> | null {
  try {
    return json === null ? null : (schema.safeParse(JSON.parse(json)).data ?? null);
  } catch {
    return null;
  }
}
