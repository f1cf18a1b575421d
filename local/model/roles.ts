// The four roles and the shape each one's structured result must have. The runner validates the same shapes with its own
// schemas; this copy types the scripts, so a script whose result the runner would refuse does not compile.
import { z } from "zod";

export const ROLES = ["architect", "coder", "reviewer", "tester"] as const;
export type Role = (typeof ROLES)[number];

const remark = z.strictObject({
  path: z.string(),
  line: z.number().int().nullable(),
  severity: z.enum(["blocker", "major", "minor", "nit"]),
  message: z.string(),
});

export const roleResults = {
  architect: z.strictObject({
    summary: z.string(),
    plan: z.string(),
    steps: z.array(z.string()),
    acceptance: z.array(z.string()),
    files: z.array(z.string()),
  }),
  coder: z.strictObject({
    summary: z.string(),
    changes: z.array(z.strictObject({ path: z.string(), why: z.string() })),
    testsRun: z.string(),
  }),
  reviewer: z.strictObject({
    verdict: z.enum(["approve", "request_changes"]),
    summary: z.string(),
    remarks: z.array(remark),
  }),
  tester: z.strictObject({
    verdict: z.enum(["pass", "fail"]),
    summary: z.string(),
    command: z.string(),
    evidence: z.array(z.strictObject({ check: z.string(), passed: z.boolean(), output: z.string() })),
  }),
} as const satisfies Record<Role, z.ZodType>;

export type RoleResult<R extends Role> = z.infer<(typeof roleResults)[R]>;
