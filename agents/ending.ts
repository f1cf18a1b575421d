// How a run ends, in the words of docs/design/agents.md: an exit code, whose fault it was, a sentence for a person, and what was made.
// Decides nothing: judging an answer is verify.ts, putting an ending together is run.ts.

import type { RoleResult } from "./roles/definition.ts";

/** Whose fault a run that did not succeed was. `infrastructure` and `agent` are tried again by the orchestrator, a `verdict` and a spent `budget` never are. */
export type FailureClass = "infrastructure" | "agent" | "verdict" | "budget";

export interface Ending {
  readonly exitCode: 0 | 1 | 2;
  readonly class: FailureClass | null;
  /** For a person; empty when there is nothing to explain. */
  readonly reason: string;
  readonly result: RoleResult | null;
  /** The head of the branch this run worked on, as the remote has it; null when it never got so far. */
  readonly headSha: string | null;
}

/** Everything that ends a run with exit code 1. `code` is for searching, the message for a person. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  constructor(
    readonly blame: "infrastructure" | "agent" | "budget",
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Any error as the failure it is: one that nobody foresaw is ours, so it counts as infrastructure. */
export function failureOf(error: unknown): RunFailure {
  if (error instanceof RunFailure) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new RunFailure("infrastructure", "unexpected", `The runner itself failed: ${text}`, { cause: error });
}
