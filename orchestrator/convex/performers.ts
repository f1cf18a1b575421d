// The effects that are questions to our own memory. Each is one mutation that works out the answer, delivers it and settles.

import type { AnnounceToDependents, FindReady } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import { projectOf } from "../../convex/shardOf.ts";
import type { Performer } from "../actors/performer.ts";
import type { ConvexCaller } from "../store/convex-store.ts";

/** Who may be admitted next. Safe to repeat. */
export const findReady =
  (convex: ConvexCaller): Performer<FindReady> =>
  async ({ limit, excluding }, { effectId, actor, epochs }) => ({
    kind: "settled",
    settled: await convex.mutation(api.ready.find, {
      epochs: [...epochs],
      effectId,
      project: actor,
      limit,
      excluding: [...excluding],
    }),
  });

/** Tells a feature's dependents how it stands. Safe to repeat. */
export const announceToDependents =
  (convex: ConvexCaller): Performer<AnnounceToDependents> =>
  async ({ state, branch }, { effectId, actor, epochs }) => ({
    kind: "settled",
    settled: await convex.mutation(api.dependencies.announce, {
      epochs: [...epochs],
      effectId,
      project: projectOf(actor),
      state,
      branch,
    }),
  });
