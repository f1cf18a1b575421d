// When a broken world has come to rest: every feature at an end, no agent alive, nothing waiting in the tables, and nobody parked: what
// goes wrong here is no reason for a person to be asked.

import type { Tables } from "../checker/history.ts";
import type { ChaosWorld } from "./world.ts";

/** `pending` is a ticket nobody has started. */
const RESTING = new Set(["pending", "passing", "failing", "needsHuman", "cancelled", "merged", "closed"]);
const LOOKED_AT = ["features", "actors", "mailbox", "outbox", "agentRuns"] as const;
const LOOK_EVERY_MS = 300;

/** A feature whose blocker has failed waits for a person, as long as nobody else is at work. */
const isResting = (state: string, features: Tables["features"]): boolean =>
  RESTING.has(state) ||
  (state === "waiting.blocked" && features.every((other) => other.state === "waiting.blocked" || RESTING.has(other.state)));

/** What still moves, in words; empty at rest. */
export function unrest({ features, actors, mailbox, outbox, agentRuns }: Tables, expected: number): string[] {
  const parked = new Set(actors.filter(({ status }) => status === "parked").map(({ address }) => address));
  return [
    ...(features.length < expected ? [`${features.length} of ${expected} features are there`] : []),
    ...features.filter(({ state }) => !isResting(state, features)).map(({ address, state }) => `${address} is ${state}`),
    ...actors
      .filter(({ status }) => status === "parked")
      .map(({ address, parkedReason }) => `${address} is parked: ${parkedReason}`),
    ...actors.filter(({ kind, status }) => kind === "agent" && status === "active").map(({ address }) => `${address} lives`),
    ...mailbox.filter(({ actor }) => !parked.has(actor)).map(({ actor, key }) => `${actor} has ${key} to read`),
    ...outbox.filter(({ state }) => state === "pending").map(({ effectId, kind }) => `${kind} ${effectId} is open`),
    ...agentRuns.filter(({ state }) => state !== "ended").map(({ agent, state }) => `the run of ${agent} is ${state}`),
  ];
}

/** @returns what still moved when time was up; empty when it came to rest */
export async function untilAtRest(
  world: ChaosWorld,
  expected: number,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string[]> {
  for (const until = Date.now() + timeoutMs; ; ) {
    signal?.throwIfAborted();
    const moving = unrest(await world.tables(LOOKED_AT), expected);
    if (moving.length === 0 || Date.now() > until) return moving;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
