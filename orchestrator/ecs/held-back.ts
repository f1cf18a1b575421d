// Tells agents whose launch has been waiting for minutes (a full cluster, a rate limit) that it goes on: their own timer would otherwise
// take the silence for a failure. In ordinary weather nobody waits that long and nothing is said.

import { api } from "../../convex/_generated/api.js";
import type { Host } from "../actors/host.ts";
import type { ConvexCaller } from "../store/convex-store.ts";

export const HELD_BACK_EVERY_MS = 60_000;
/** An agent gives a launch 10 minutes (`LAUNCH_MS`): it hears at least twice in that time. */
const SAY_EVERY_MS = 4 * 60_000;
const BATCH = 100;
const MOST = 10_000;

/** @returns how many were told */
export async function tellHeldBack(
  host: Pick<Host, "heldBack">,
  convex: ConvexCaller,
  now: () => number = Date.now,
): Promise<number> {
  const waits = host.heldBack("runTask", SAY_EVERY_MS, MOST);
  const period = Math.floor(now() / SAY_EVERY_MS);
  let told = 0;
  for (let at = 0; at < waits.length; at += BATCH) {
    const deliveries = waits.slice(at, at + BATCH).map(({ actor, effectId, attempt, reason }) => ({
      actor,
      key: `heldBack:${effectId}:${period}`,
      event: JSON.stringify({ type: "launch.heldBack", at: now(), attempt, reason }),
      cause: { kind: "ecs" as const, name: "ECS" },
    }));
    told += (await convex.mutation(api.mailbox.deliver, { deliveries })).stored;
  }
  return told;
}
