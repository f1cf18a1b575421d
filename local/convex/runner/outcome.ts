// How function calls end, as the rest of the server sees it.
import type { Failure } from "./failure.ts";

/** The end of one query or mutation function, before anybody committed anything. */
export type TransactionOutcome =
  | { readonly ok: true; readonly valueJson: string; readonly journal: string | null }
  | { readonly ok: false; readonly failure: Failure; readonly journal: string | null };

/** The end of a call as a client may be told: for mutations only after the commit. */
export type CallResult =
  | { readonly ok: true; readonly valueJson: string; readonly lines: readonly string[]; readonly ts: bigint }
  | { readonly ok: false; readonly failure: Failure; readonly requestId: string; readonly lines: readonly string[] };
