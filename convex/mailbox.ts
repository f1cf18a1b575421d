// The way in for events from outside, and the owner's view of what came. For the orchestrator alone.

import { v } from "convex/values";
import { serviceMutation, serviceQuery } from "./access.ts";
import { refuse } from "./errors.ts";
import { deliver as deliverTo, findActor, letterFault } from "./mail.ts";
import { mailOf } from "./recovery.ts";
import { OUTSIDE_WINDOW, vMail } from "./steps.ts";
import { vCause } from "./validators.ts";

const MAX_DELIVERIES = 256;

/** Mail from outside for a shard's actors, oldest first. */
export const outside = serviceQuery({
  args: { shard: v.number() },
  returns: v.array(vMail),
  handler: async (ctx, { shard }) => {
    const rows = await ctx.db
      .query("mailbox")
      .withIndex("by_inbox", (q) => q.eq("shard", shard).eq("origin", "outside"))
      .take(OUTSIDE_WINDOW);
    return rows.map(mailOf);
  },
});

/**
 * Stores events from outside. Safe to repeat: a key seen before, consumed or not, is a duplicate. What is for nobody is named in
 * `unknown` and not stored.
 * @throws {ConvexError} `tooLarge`, `badArgument`
 */
export const deliver = serviceMutation({
  args: { deliveries: v.array(v.object({ actor: v.string(), key: v.string(), event: v.string(), cause: vCause })) },
  returns: v.object({ stored: v.number(), duplicate: v.number(), unknown: v.array(v.string()) }),
  handler: async (ctx, { deliveries }) => {
    if (deliveries.length > MAX_DELIVERIES)
      refuse({ code: "tooLarge", message: `At most ${MAX_DELIVERIES} deliveries fit one call.` });
    const counted = { stored: 0, duplicate: 0 };
    const unknown: string[] = [];
    for (const { actor, ...letter } of deliveries) {
      const fault = letterFault(letter);
      if (fault !== null) refuse({ code: "badArgument", actor, message: `An event for ${actor} cannot be stored: ${fault}.` });
      const row = await findActor(ctx.db, actor);
      if (row === null) unknown.push(actor);
      else counted[await deliverTo(ctx.db, row, letter)]++;
    }
    return { ...counted, unknown };
  },
});
