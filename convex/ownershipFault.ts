// Whether anybody runs a project: its shard has an owner that was heard of lately.

import type { DatabaseReader } from "./_generated/server";
import { shardOf } from "./shardOf.ts";
import type { WhyReason } from "./whyRules.ts";

/** Empty while its owner is there. @param now ms */
export async function ownershipFault(db: DatabaseReader, project: string, now: number): Promise<WhyReason[]> {
  const shard = await db
    .query("shards")
    .withIndex("by_shard", (q) => q.eq("shard", shardOf(project)))
    .unique();
  const owner = shard?.owner ?? "";
  const beat = await db
    .query("heartbeats")
    .withIndex("by_name", (q) => q.eq("name", owner))
    .unique();
  if (beat !== null && beat.heardAt + beat.ttlMs > now) return [];
  const at = beat?.heardAt ?? shard?.freeSince ?? null;
  const since = at === null ? "" : `; one did until ${new Date(at).toISOString().slice(0, 19)}Z`;
  return [{ kind: "ownership", text: `No orchestrator runs this project: start one${since}`, until: null }];
}
