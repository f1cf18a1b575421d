// Telling those who wait for a feature how it stands now (dependencies.ts D2).

import type { AnnounceToDependents } from "@omakase/machines/effects";
import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import type { FeatureAddress } from "@omakase/machines/ids";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { findFeature } from "./blockers.ts";
import { findActor, post } from "./mail.ts";
import type { Answer } from "./steps.ts";

/** Beyond this many dependents, telling them would not fit one transaction. */
const MAX_DEPENDENTS = 2000;

/** @param effectId what the letters' keys begin with @returns the letters, or why there can be none, in words */
export async function announce(
  db: DatabaseWriter,
  from: { readonly address: string; readonly shard: number; readonly project: Id<"projects">; readonly effectId: string },
  { state, branch }: AnnounceToDependents,
): Promise<Answer[] | string> {
  const announcer = await db
    .query("features")
    .withIndex("by_address", (q) => q.eq("address", from.address))
    .unique();
  const waiting = announcer === null ? [] : await dependents(db, from.project, announcer.issueId);
  if (waiting.length > MAX_DEPENDENTS)
    return `More than ${MAX_DEPENDENTS} tickets wait for ${announcer?.issueId}: they cannot all be told at once.`;
  const feature = from.address as FeatureAddress;
  const changed = { type: "dependency.changed", at: Date.now(), feature, state, branch } satisfies FeatureEvent;
  const event = JSON.stringify(changed);
  const mail: Answer[] = [];
  for (const edge of waiting) {
    const dependent = await findDependent(db, from.project, edge);
    if (dependent === null) continue;
    const letter = { key: `${from.effectId}:${dependent}`, event, cause: { kind: "actor", name: feature } as const };
    mail.push({ ...(await post(db, from.shard, dependent, letter)), event });
  }
  return mail;
}

const dependents = (db: DatabaseReader, project: Id<"projects">, issueId: string): Promise<Doc<"dependencies">[]> =>
  db
    .query("dependencies")
    .withIndex("by_blocker", (q) => q.eq("project", project).eq("blocker", issueId))
    .take(MAX_DEPENDENTS + 1);

/** The address of the feature that waits; null while it is not born: it will look for itself (D2). */
async function findDependent(db: DatabaseReader, project: Id<"projects">, edge: Doc<"dependencies">): Promise<string | null> {
  const feature = await findFeature(db, project, edge.blocked);
  const actor = feature === null ? null : await findActor(db, feature.address);
  return actor?.address ?? null;
}
