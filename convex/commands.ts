// What people tell an actor. The view says what it accepts (P7); the machine has the last word when it takes the event.

import { cut } from "@omakase/machines/text";
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { memberMutation, memberQuery } from "./access.ts";
import { recordAct } from "./audit.ts";
import { commandEvent, leastRole, vAction } from "./commandEvents.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor, findMail, findReceipt, isSeen } from "./mail.ts";
import { vRole } from "./validators.ts";

const MAX_NOTE = 4000;

/**
 * Sends a person's command to a project or a feature; an agent is its feature's to stop. `key` is the client's UUID: repeating it changes nothing.
 * @throws {ConvexError} `forbidden`, `refused` saying what the actor accepts now and from whom, `badArgument`
 */
export const send = memberMutation({
  needs: "developer",
  args: {
    address: v.string(),
    action: vAction,
    /** For pause and cancel; a stop needs one. */
    reason: v.optional(v.string()),
    /** For retry and reject: reaches the next agent. */
    note: v.optional(v.string()),
    /** For pause. Default: drain. `starts`, of a project: nobody new is admitted, the others go on. */
    mode: v.optional(v.union(v.literal("starts"), v.literal("drain"), v.literal("now"))),
    /** For retry: the stage to begin with. Default: the one that failed. */
    from: v.optional(vRole),
    key: v.string(),
  },
  returns: v.object({ key: v.string() }),
  about: ({ address }) => address,
  handler: async (ctx, { address, action, reason, note, mode, from, key }) => {
    const { db, person } = ctx;
    if (!/^[\w-]{8,64}$/.test(key)) refuse({ code: "badArgument", message: "key must be a UUID made by the client." });
    const actor = await findActor(db, address);
    if (actor === null) return refuse({ code: "notFound", message: `There is no actor ${address}: reload the page.` });
    const letterKey = `command:${key}`;
    if (await isSeen(db, address, letterKey)) return { key };

    const shown = await shownOf(db, actor);
    if (leastRole(action, shown.state) === "admin" && person.role !== "admin") {
      refuse({ code: "forbidden", message: `You are a ${person.role}; to ${action} needs an admin.` });
    }
    if (!shown.actions.includes(action)) refuse({ code: "refused", message: refusal(action, shown) });
    const why = note ?? reason ?? null;
    const event = commandEvent(actor.kind, {
      action,
      at: Date.now(),
      by: person.name,
      reason: reason === undefined ? null : cut(reason),
      note: note === undefined ? null : cut(note, MAX_NOTE),
      mode: mode ?? "drain",
      from: from ?? null,
    });
    if (event === null)
      return refuse({
        code: "badArgument",
        message: `A ${actor.kind} needs more to ${action}: say why in \`${action === "stop" ? "reason" : "note"}\`.`,
      });
    await deliver(db, actor, { key: letterKey, event: JSON.stringify(event), cause: { kind: "person", name: person.name } });
    await recordAct(ctx, { what: action, why: why === null ? null : cut(why, MAX_NOTE), actor: address, key: letterKey });
    return { key };
  },
});

/** What came of a command, by the `key` it was sent with: for whoever sent it. `reason` says what stood in its way. */
export const outcome = memberQuery({
  needs: "viewer",
  args: { address: v.string(), key: v.string() },
  returns: v.union(
    v.object({ kind: v.literal("unknown") }),
    v.object({ kind: v.literal("waiting") }),
    /** Its actor is parked: it is taken once somebody has put that back into service. */
    v.object({ kind: v.literal("held"), reason: v.string() }),
    v.object({ kind: v.literal("taken"), sequence: v.number() }),
    /** Stored and without effect: the actor was not in a state to take it, or does not know it. */
    v.object({ kind: v.literal("ignored"), sequence: v.number(), reason: v.string() }),
  ),
  about: ({ address }) => address,
  handler: async ({ db }, { address, key }) => {
    const letterKey = `command:${key}`;
    const step = await findReceipt(db, address, letterKey);
    if (step !== null) {
      const { sequence, eventType, ignored, to } = step;
      if (!ignored) return { kind: "taken" as const, sequence };
      return {
        kind: "ignored" as const,
        sequence,
        reason: `${address} was in ${to} when it came, and takes no ${eventType} there.`,
      };
    }
    if ((await findMail(db, address, letterKey)) === null) return { kind: "unknown" as const };
    const actor = await findActor(db, address);
    if (actor?.status !== "parked") return { kind: "waiting" as const };
    return { kind: "held" as const, reason: `${address} is parked: ${actor.parkedReason}` };
  },
});

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly label: string;
  readonly actions: readonly string[];
  readonly why: string | null;
}

/** What the actor's view says. */
async function shownOf(db: DatabaseReader, actor: Doc<"actors">): Promise<Shown> {
  const row = await db.get(actor.view);
  if (row === null) return { name: actor.address, state: "", label: "gone", actions: [], why: null };
  const shown = "view" in row ? row.view : row;
  const name = "key" in row ? row.key : "name" in row ? row.name : actor.address;
  const reasons = "reasons" in row ? row.reasons.map(({ text }) => text) : [];
  const why =
    actor.status === "parked" ? `It is parked: ${actor.parkedReason}` : reasons.length === 0 ? null : reasons.join("; ");
  return { name, state: shown.state, label: shown.label, actions: shown.actions, why };
}

function refusal(action: string, { name, state, label, actions, why }: Shown): string {
  const accepted =
    actions.length === 0
      ? "It accepts no command now."
      : `It accepts now: ${actions.map((each) => `${each} (${leastRole(each, state) === "admin" ? "admin" : "developer or admin"})`).join(", ")}.`;
  return `${name} does not accept ${action} while it is "${label}"${why === null ? "" : ` (${why})`}. ${accepted}`;
}
