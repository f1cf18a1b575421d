// Every repair is counted and kept for people: one place that does both.

import { api } from "../convex/_generated/api.js";
import type { Repair } from "../convex/repairs.ts";
import { projectOf } from "../convex/shardOf.ts";
import { reasonOf } from "./errors.ts";
import type { Log } from "./log.ts";
import type { ConvexCaller } from "./store/convex-store.ts";

/** A repair of something of an actor's: the project is the actor's. */
export type RepairOf = Omit<Repair, "project" | "actor"> & { readonly actor: string };

export interface Repairs {
  /** Counts it and keeps it, once a key. A repair is done even when its record cannot be kept: that is logged, not thrown. */
  record(repair: RepairOf): Promise<void>;
}

/** @param count for the metrics: each repair that is news */
export function createRepairs(convex: ConvexCaller, log: Log, count: (farSide: string, kind: string) => void): Repairs {
  return {
    record: async (repair) => {
      try {
        const { recorded } = await convex.mutation(api.repairs.record, {
          repairs: [{ ...repair, project: projectOf(repair.actor) }],
        });
        if (recorded === 0) return;
      } catch (error) {
        log.error("repair.not_recorded", { key: repair.key, reason: reasonOf(error) });
      }
      count(repair.farSide, repair.kind);
      log.info("repair", { farSide: repair.farSide, kind: repair.kind, subject: repair.subject, actor: repair.actor });
    },
  };
}
