// How a stored actor of an older version becomes one of this build. A version that is not named here is one this build cannot run:
// its actors are parked as they are, and nothing of theirs is overwritten.
//
//   V1. A migration is pure and total over what its version could have stored (machines/recorded holds examples of each state).
//   V2. It goes to the next version; several run one after another.
//   V3. It changes the snapshot only: timers, mail and effects of the actor stay as they are, so a state may be renamed only together
//       with what its timers are called.

import { NO_BURN } from "./feature/breakers.ts";
import type { ActorKind } from "./ids.ts";
import { MACHINE_VERSIONS } from "./index.ts";
import { DEFAULT_SETTINGS } from "./roles.ts";

/** A snapshot as `persist` wrote it, parsed. */
export interface StoredSnapshot {
  readonly value: unknown;
  readonly context: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

interface Migration {
  readonly to: string;
  readonly migrate: (stored: StoredSnapshot) => StoredSnapshot;
}

/** By kind and by the version a snapshot was stored with. */
const MIGRATIONS: Readonly<Record<ActorKind, Readonly<Record<string, Migration>>>> = {
  project: {
    "1": { to: "2", migrate: withHolds },
    // 3 says more when it asks who is ready: nothing is stored differently.
    "2": { to: "3", migrate: (stored) => stored },
  },
  feature: {
    // 2 hears of a missing pull request: nothing is stored differently.
    "1": { to: "2", migrate: (stored) => stored },
    "2": { to: "3", migrate: withBurn },
    // 4 closes the pull request of a feature that is cancelled.
    "3": { to: "4", migrate: (stored) => ({ ...stored, context: { ...stored.context, retracted: null } }) },
  },
  agent: {
    // 2 knows whether its launch is held back.
    "1": { to: "2", migrate: (stored) => ({ ...stored, context: { ...stored.context, heldBack: null } }) },
    "2": { to: "3", migrate: withTokens },
  },
};

/** Version 2 of a project knows who holds it by scope, and whose budget was spent. */
function withHolds(stored: StoredSnapshot): StoredSnapshot {
  const { pausedBy, pauseReason, settings, ...context } = stored.context;
  const isHeld = stored.value === "paused" || stored.value === "draining";
  const project = isHeld ? { by: pausedBy ?? "somebody", reason: pauseReason ?? null } : null;
  return {
    ...stored,
    context: { ...context, settings: withDefaults(settings), holds: { project, organization: null }, outOf: null },
  };
}

/** Version 3 of a feature counts what it burns, from here on. */
function withBurn(stored: StoredSnapshot): StoredSnapshot {
  const { settings, ...context } = stored.context;
  return { ...stored, context: { ...context, settings: withDefaults(settings), burn: NO_BURN, overBudget: null } };
}

/** Version 3 of an agent has a ceiling of tokens, and counts turns. */
function withTokens(stored: StoredSnapshot): StoredSnapshot {
  const { limits, ...context } = stored.context;
  const { maxTokens } = DEFAULT_SETTINGS.agent;
  return { ...stored, context: { ...context, limits: { maxTokens, ...(limits as object) }, turns: 0, budget: null } };
}

/** Settings as they were stored, with what they did not have yet. */
function withDefaults(settings: unknown): object {
  const { agent, ...others } = settings as { agent: object };
  return { ...DEFAULT_SETTINGS, ...others, agent: { ...DEFAULT_SETTINGS.agent, ...agent } };
}

/** There is no way from the stored version to this build's. */
export class UnknownVersionError extends Error {
  readonly code = "UNKNOWN_VERSION";
  override readonly name = "UnknownVersionError";
}

/**
 * The snapshot in the version this build runs; unchanged when it is that already. Not stored by this: the actor's next step does.
 * @param json as stored
 * @throws {UnknownVersionError} naming both versions
 * @throws what a migration throws on a snapshot its version cannot have stored
 */
export function migrated(kind: ActorKind, version: string, json: string): string {
  const current = MACHINE_VERSIONS[kind];
  if (version === current) return json;
  let stored = JSON.parse(json) as StoredSnapshot;
  for (let at = version; at !== current; ) {
    const next = Object.hasOwn(MIGRATIONS[kind], at) ? MIGRATIONS[kind][at] : undefined;
    if (!next)
      throw new UnknownVersionError(
        `It was stored by version ${version} of the ${kind} machine; this build has ${current} and no migration from ${at}: run the build it belongs to`,
      );
    stored = next.migrate(stored);
    at = next.to;
  }
  return JSON.stringify(stored);
}
