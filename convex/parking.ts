// Taking actors out of service and putting them back, within a mutation: the row and the mail go together.

import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import type { MutationCtx } from "./_generated/server";
import { refuse } from "./errors.ts";
import { requireEpochs, requireOwned } from "./fence.ts";
import { findActor, moveMail } from "./mail.ts";
import type { Epoch } from "./steps.ts";

const MAX_REASON = 2000;

/** The actor, for its owner to write. @throws {ConvexError} `fenced`, `unknownActor` */
export async function ownedActor(ctx: MutationCtx, epochs: readonly Epoch[], address: string): Promise<Doc<"actors">> {
  const owned = await requireEpochs(ctx.db, epochs);
  const row = await findActor(ctx.db, address);
  if (row === null) return refuse({ code: "unknownActor", actor: address, message: `There is no actor ${address}.` });
  requireOwned(owned, row.shard, address);
  return row;
}

/** Out of service as it is; its mail is held. Safe to repeat. */
export async function parkActor(ctx: MutationCtx, { _id, address }: Doc<"actors">, reason: string): Promise<void> {
  await ctx.db.patch(_id, { status: "parked", parkedReason: reason.slice(0, MAX_REASON) });
  await moveAllMail(ctx, address, "");
}

/** Back into service: what was held for it comes to its owner from outside, and a failed event has all its tries again. */
export async function unparkActor(ctx: MutationCtx, { _id, address, snapshot }: Doc<"actors">): Promise<void> {
  await ctx.db.patch(_id, { status: isDone(snapshot) ? "done" : "active", parkedReason: null, trouble: undefined });
  await moveAllMail(ctx, address, "");
}

/** Moves an actor's mail to where its status wants it, the rest of it later. */
export async function moveAllMail(ctx: MutationCtx, address: string, after: string): Promise<void> {
  const row = await findActor(ctx.db, address);
  const next = await moveMail(ctx.db, address, row?.status === "parked" ? "held" : "outside", after);
  if (next !== null) await ctx.scheduler.runAfter(0, internal.host.moveMore, { actor: address, after: next });
}

/** It may be parked because its snapshot cannot be read: then it is not over. */
function isDone(snapshot: string): boolean {
  try {
    return (JSON.parse(snapshot) as { status?: unknown } | null)?.status === "done";
  } catch {
    return false;
  }
}
