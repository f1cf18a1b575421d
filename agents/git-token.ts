// A token for git that is good at the moment of use: the one of the assignment, then fresh ones.

import type { Masking } from "./masking.ts";
import type { Orchestrator } from "./orchestrator.ts";

/** A clone or push may take this long after the token was looked at. */
const MARGIN_MS = 5 * 60_000;

export function gitTokens(
  first: { readonly token: string; readonly expiresAt: number },
  {
    orchestrator,
    masking,
    signal,
    now = Date.now,
  }: { orchestrator: Orchestrator; masking: Masking; signal: AbortSignal; now?: () => number },
): () => Promise<string> {
  let current = first;
  masking.learn(first.token);
  return async () => {
    if (now() + MARGIN_MS >= current.expiresAt) {
      current = await orchestrator.gitToken(signal);
      masking.learn(current.token);
    }
    return current.token;
  };
}
