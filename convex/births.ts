// How an actor comes to be: its row, the row its view is shown from, and what its initial transition asked for.

import type { Doc } from "./_generated/dataModel";
import type { DatabaseWriter } from "./_generated/server";
import { findActor } from "./mail.ts";
import { isPullOpen } from "./pulls.ts";
import { priorityRank, unblocksRank } from "./ranks.ts";
import { featureOf } from "./shardOf.ts";
import type { Spawn, Spawned } from "./steps.ts";

/** Where an actor belongs; a child has its parent's. */
export type Home = Pick<Doc<"actors">, "organization" | "project" | "shard">;

export interface Birth {
  /** ms. */
  readonly at: number;
  /** The step that created it: `<parent>:<sequence>`. */
  readonly bornOf: string;
}

/** Creates the actor and its view row, at sequence 0. An address that has an actor is left alone. */
export async function createActor(db: DatabaseWriter, home: Home, spawn: Spawn, birth: Birth): Promise<Spawned> {
  const existing = await findActor(db, spawn.address);
  if (existing !== null) return { address: spawn.address, actorId: existing._id, created: false };
  const view = await createView(db, home, spawn, birth.at);
  const actorId = await db.insert("actors", {
    ...home,
    address: spawn.address,
    kind: spawn.view.kind,
    machineVersion: spawn.machineVersion,
    sequence: 0,
    snapshot: spawn.snapshot,
    status: spawn.status,
    parkedReason: null,
    bornOf: birth.bornOf,
    view,
  });
  return { address: spawn.address, actorId, created: true };
}

async function createView(
  db: DatabaseWriter,
  home: Home,
  { address, view }: Spawn,
  createdAt: number,
): Promise<Doc<"actors">["view"]> {
  const { organization, project } = home;
  const common = { organization, project, address, stateSince: createdAt, sequence: 0, createdAt };
  switch (view.kind) {
    case "feature": {
      const { kind: _, ticket, ...columns } = view;
      return db.insert("features", {
        ...common,
        ...columns,
        ...ticket,
        ready: view.wants !== null,
        hasOpenPull: isPullOpen(view),
        priorityRank: priorityRank(ticket.priority),
        unblocksRank: await unblocksRank(db, project, view.issueId),
      });
    }
    case "agent": {
      const { kind: _, ...columns } = view;
      return db.insert("agents", { ...common, ...columns, feature: featureOf(address) ?? address });
    }
    default:
      return view satisfies never;
  }
}
