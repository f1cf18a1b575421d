// How the orchestrator is, from what it tells everybody: /ready.

import { OmakaseError, reasonOf } from "../errors.ts";

export class OrchestratorAway extends OmakaseError {
  readonly code = "orchestrator_away";
  readonly retryable = true;
}

interface Ready {
  readonly status: string;
  readonly shards?: number;
  readonly loading?: number;
  readonly inbox?: number;
}

/** @throws {OrchestratorAway} when nobody answers, or nobody has said where */
export async function readStatus(orchestratorUrl: string | null): Promise<string> {
  if (orchestratorUrl === null) {
    throw new OrchestratorAway("Omakase is not running here: start it with npm start, or set ORCHESTRATOR_URL to where it runs");
  }
  let response: Response;
  try {
    response = await fetch(`${orchestratorUrl}/ready`, { signal: AbortSignal.timeout(5_000) });
  } catch (cause) {
    throw new OrchestratorAway(`nothing answers at ${orchestratorUrl}: ${reasonOf(cause)}`, { cause });
  }
  const ready = (await response.json().catch(() => ({ status: `HTTP ${response.status}` }))) as Ready;
  if (response.ok) return `ready, with ${ready.shards ?? 0} of 16 shards`;
  const doing = ready.loading === undefined ? "" : `: loading ${ready.loading} shards, ${ready.inbox ?? 0} events waiting`;
  return `not ready (${ready.status})${doing}`;
}
