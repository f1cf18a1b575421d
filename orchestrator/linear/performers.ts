// What the pipeline does in Linear: move the issue, comment on it, read what blocks it.

import type { CommentOnIssue, MoveIssue, ResolveDependencies } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import { projectOf } from "../../convex/shardOf.ts";
import { uuidFor } from "../actors/effect-tokens.ts";
import type { Performer } from "../actors/performer.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { LinearApi } from "./client.ts";

const DONE = { kind: "answer", event: null } as const;

/** Where a person has ended an issue, or our own completion has: no later news of its work brings it back. */
const ENDED: ReadonlySet<string | undefined> = new Set(["completed", "canceled"]);

/** Safe to repeat. */
export const moveIssue =
  (linear: LinearApi): Performer<MoveIssue> =>
  async (effect) => {
    await moveTicket(linear, effect);
    return DONE;
  };

/** Moves the issue unless it is there, or has come to its end meanwhile. Safe to repeat. @returns the state it was moved to; null when it was not */
export async function moveTicket(linear: LinearApi, { issueId, stateType, preferredName }: MoveIssue): Promise<string | null> {
  const { stateId, states } = await linear.stateOf(issueId);
  const ofType = states.filter((state) => state.type === stateType);
  const target = ofType.find((state) => state.name === preferredName) ?? ofType[0];
  // Found by `bun run chaos`: a move whose answer was lost is made again, perhaps after a person has cancelled the ticket.
  if (stateType !== "completed" && ENDED.has(states.find((state) => state.id === stateId)?.type)) return null;
  // A team without such a state has no place to move the issue to: nothing to do, and nothing to fail over.
  if (!target || target.id === stateId) return null;
  await linear.setState(issueId, target.id);
  return target.name;
}

/** Comments once: the comment's id is derived from the effect's. Safe to repeat. */
export const commentOnIssue =
  (linear: LinearApi): Performer<CommentOnIssue> =>
  async ({ issueId, body }, { effectId }) => {
    await linear.comment(issueId, uuidFor(effectId, "linear-comment"), body);
    return DONE;
  };

/** Reads the blockers anew and lets Convex store and judge them, which also settles the effect. Safe to repeat. */
export const resolveDependencies =
  (linear: Pick<LinearApi, "blockersOf">, convex: ConvexCaller): Performer<ResolveDependencies> =>
  async ({ issueId }, { effectId, actor, epochs }) => {
    const blockers = await linear.blockersOf(issueId);
    const { settled } = await convex.mutation(api.dependencies.resolve, {
      epochs: [...epochs],
      effectId,
      project: projectOf(actor),
      issueId,
      blockers: [...blockers],
    });
    return { kind: "settled", settled };
  };
