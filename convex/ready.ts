// The answer to a project's `findReady`: who may be admitted next, best first, read from the index that is their order.

import type { ProjectEvent } from "@omakase/machines/project/project-events";
import { v } from "convex/values";
import { serviceMutation } from "./access.ts";
import { refuse } from "./errors.ts";
import { requireEpochs } from "./fence.ts";
import { monthOf } from "./money.ts";
import { ceilingOf, sharedAccounts, shortOf } from "./reservations.ts";
import { settingsOf } from "./settings.ts";
import { projectOfEffect, settleWith } from "./settling.ts";
import { vEpoch, vSettled } from "./steps.ts";

type ReadyFound = Extract<ProjectEvent, { type: "ready.found" }>;

/** Above any sensible number of features in a pipeline at once; bounds the read. */
const MOST_ROWS = 1000;

/**
 * Answers `ready.found` with at most `limit` features that want a role and are not in `excluding`; with none, and whose budget it is,
 * while the project or the organisation cannot pay for one more run. Safe to repeat.
 * @throws {ConvexError} `fenced`, `badArgument`
 */
export const find = serviceMutation({
  args: { epochs: v.array(vEpoch), effectId: v.string(), project: v.string(), limit: v.number(), excluding: v.array(v.string()) },
  returns: vSettled,
  handler: async (ctx, { epochs, effectId, project: address, limit, excluding }) => {
    const rows = limit + excluding.length;
    if (!Number.isInteger(limit) || limit < 0 || rows > MOST_ROWS) {
      refuse({
        code: "badArgument",
        message: `limit and the number excluded must be whole numbers of together at most ${MOST_ROWS}.`,
      });
    }
    const owned = await requireEpochs(ctx.db, epochs);
    return settleWith(ctx.db, owned, effectId, async (effect) => {
      const project = await projectOfEffect(ctx.db, effect, address);
      const at = Date.now();
      const accounts = await sharedAccounts(ctx.db, project, monthOf(at));
      const spent = accounts.find((account) => shortOf(account, ceilingOf(settingsOf(project).agent)) !== null);
      const outOf = spent === undefined || spent.level === "feature" ? null : spent.level;
      if (outOf !== null) {
        const none = { type: "ready.found", at, candidates: [], outOf } satisfies ReadyFound;
        return { answer: JSON.stringify(none), mail: [] };
      }
      const ready = ctx.db.query("features").withIndex("by_ready", (q) => q.eq("project", project._id).eq("ready", true));
      const without = new Set(excluding);
      const candidates: { feature: string; role: string }[] = [];
      // Row by row: what is read is what is found and what is passed over, whatever queues behind.
      for await (const { address: feature, wants: role } of limit === 0 ? [] : ready) {
        if (role !== null && !without.has(feature)) candidates.push({ feature, role });
        if (candidates.length >= limit) break;
      }
      const found = { type: "ready.found", at, candidates } satisfies Loose<ReadyFound>;
      return { answer: JSON.stringify(found), mail: [] };
    });
  },
});

/** An event as rows spell it: addresses are plain strings there. */
type Loose<Event> = Omit<Event, "candidates"> & { candidates: { feature: string; role: string }[] };
