// Checks a script's result against the schema the run offers, so that a script out of step with the runner is seen in the journal.
import { z } from "zod";

/** One sentence saying what does not fit, or undefined. A schema that cannot be read counts as fitting: the client judges too. */
export function schemaProblem(schema: unknown, value: unknown): string | undefined {
  if (schema === null || typeof schema !== "object") return undefined;
  let validator: z.ZodType;
  try {
    validator = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema);
  } catch {
    return undefined;
  }
  const checked = validator.safeParse(value);
  return checked.success ? undefined : z.prettifyError(checked.error);
}
