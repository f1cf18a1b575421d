// Tells webhooks about a pull request. What has to be asked of git is asked before the transaction, hence `facts`.
import type { PullFacts } from "../git/pull-facts.ts";
import { fullPullShape } from "../shapes/pull.ts";
import { commentsOf } from "../store/comments.ts";
import type { Pull } from "../store/pulls.ts";
import { reviewCommentsOf } from "../store/reviews.ts";
import { emit } from "../webhooks/events.ts";
import type { World } from "../world.ts";
import type { Change } from "./change.ts";

export type PullAction = "opened" | "edited" | "closed" | "reopened" | "synchronize" | "ready_for_review" | "converted_to_draft";

export const countsOf = (world: World, pull: Pull) => ({
  comments: commentsOf(world.db, pull.id).length,
  remarks: reviewCommentsOf(world.db, pull.id).length,
});

/** Stores a `pull_request` delivery. Call inside the transaction of the change. */
export function tellPull(
  { world, repository, actor }: Omit<Change, "git" | "route">,
  action: PullAction,
  pull: Pull,
  facts: PullFacts,
  extra: Readonly<Record<string, unknown>> = {},
): void {
  const shape = fullPullShape(world, repository, pull, facts, countsOf(world, pull));
  emit(world, {
    event: "pull_request",
    action,
    repository,
    sender: actor,
    payload: { number: pull.number, pull_request: { ...shape, mergeable: null, mergeable_state: "unknown" }, ...extra },
  });
}
