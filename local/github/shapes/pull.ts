// Pull requests, reviews and comments as GitHub's JSON writes them.
import type { PullFacts } from "../git/pull-facts.ts";
import { checkRunsFor, latestStatuses } from "../store/checks.ts";
import type { Comment } from "../store/comments.ts";
import type { Pull } from "../store/pulls.ts";
import { fullName, type Repository } from "../store/repositories.ts";
import type { Review, ReviewComment } from "../store/reviews.ts";
import type { World } from "../world.ts";
import { accountById, nodeId, repositoryShape } from "./account.ts";

/** A pull request as lists and webhooks show it, without what has to be asked of git. */
export function pullShape(world: World, repository: Repository, pull: Pull) {
  const api = `${world.url()}/repos/${fullName(repository)}`;
  const repo = repositoryShape(world, repository);
  const side = (ref: string, sha: string) => ({ label: `${repository.ownerLogin}:${ref}`, ref, sha, user: repo.owner, repo });
  return {
    id: pull.id,
    node_id: nodeId("PR", pull.id),
    number: pull.number,
    url: `${api}/pulls/${pull.number}`,
    html_url: `${world.url()}/${fullName(repository)}/pull/${pull.number}`,
    diff_url: `${world.url()}/${fullName(repository)}/pull/${pull.number}.diff`,
    issue_url: `${api}/issues/${pull.number}`,
    commits_url: `${api}/pulls/${pull.number}/commits`,
    comments_url: `${api}/issues/${pull.number}/comments`,
    review_comments_url: `${api}/pulls/${pull.number}/comments`,
    statuses_url: `${api}/statuses/${pull.headSha}`,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: accountById(world, pull.authorId),
    body: pull.body,
    draft: pull.draft === 1,
    labels: [],
    milestone: null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    head: side(pull.headRef, pull.headSha),
    base: side(pull.baseRef, pull.baseSha),
    author_association: "CONTRIBUTOR",
    auto_merge: null,
    active_lock_reason: null,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeSha,
  };
}

/** A pull request in full. */
export function fullPullShape(
  world: World,
  repository: Repository,
  pull: Pull,
  facts: PullFacts,
  counts: { comments: number; remarks: number },
) {
  const open = pull.state === "open";
  return {
    ...pullShape(world, repository, pull),
    merged: pull.mergedAt !== null,
    mergeable: open ? facts.mergeable : null,
    rebaseable: open ? facts.mergeable : null,
    mergeable_state: open ? mergeableState(world, pull, facts) : "unknown",
    merged_by: pull.mergedById === null ? null : accountById(world, pull.mergedById),
    comments: counts.comments,
    review_comments: counts.remarks,
    maintainer_can_modify: false,
    commits: facts.commits,
    additions: facts.additions,
    deletions: facts.deletions,
    changed_files: facts.files,
  };
}

const FAILING: ReadonlySet<string | null> = new Set(["failure", "cancelled", "timed_out", "action_required"]);

/** `unstable` means mergeable while a check or status is failing or not done. There are no protected branches, hence never `blocked`. */
function mergeableState(world: World, pull: Pull, facts: PullFacts): "dirty" | "draft" | "unstable" | "clean" {
  if (!facts.mergeable) return "dirty";
  if (pull.draft === 1) return "draft";
  const runs = checkRunsFor(world.db, pull.repositoryId, pull.headSha, true);
  const statuses = latestStatuses(world.db, pull.repositoryId, pull.headSha);
  const unstable =
    runs.some((run) => run.status !== "completed" || FAILING.has(run.conclusion)) ||
    statuses.some((status) => status.state !== "success");
  return unstable ? "unstable" : "clean";
}

const pullUrls = (world: World, repository: Repository, pull: Pull) => ({
  api: `${world.url()}/repos/${fullName(repository)}/pulls/${pull.number}`,
  html: `${world.url()}/${fullName(repository)}/pull/${pull.number}`,
});

export function reviewShape(world: World, repository: Repository, pull: Pull, review: Review) {
  const { api, html } = pullUrls(world, repository, pull);
  return {
    id: review.id,
    node_id: nodeId("PRR", review.id),
    user: accountById(world, review.authorId),
    body: review.body,
    state: review.state,
    html_url: `${html}#pullrequestreview-${review.id}`,
    pull_request_url: api,
    author_association: "CONTRIBUTOR",
    ...(review.submittedAt === null ? {} : { submitted_at: review.submittedAt }),
    commit_id: review.commitSha,
    _links: { html: { href: `${html}#pullrequestreview-${review.id}` }, pull_request: { href: api } },
  };
}

export function reviewCommentShape(world: World, repository: Repository, pull: Pull, comment: ReviewComment) {
  const { api, html } = pullUrls(world, repository, pull);
  return {
    id: comment.id,
    node_id: nodeId("PRRC", comment.id),
    pull_request_review_id: comment.reviewId,
    url: `${world.url()}/repos/${fullName(repository)}/pulls/comments/${comment.id}`,
    html_url: `${html}#discussion_r${comment.id}`,
    pull_request_url: api,
    diff_hunk: comment.diffHunk,
    path: comment.path,
    line: comment.line,
    original_line: comment.line,
    side: comment.side,
    start_line: comment.startLine,
    original_start_line: comment.startLine,
    start_side: comment.startSide,
    commit_id: comment.commitSha,
    original_commit_id: comment.commitSha,
    subject_type: "line",
    user: accountById(world, comment.authorId),
    body: comment.body,
    author_association: "CONTRIBUTOR",
    created_at: comment.createdAt,
    updated_at: comment.createdAt,
  };
}

export function commentShape(world: World, repository: Repository, pull: Pull, comment: Comment) {
  const api = `${world.url()}/repos/${fullName(repository)}`;
  return {
    id: comment.id,
    node_id: nodeId("IC", comment.id),
    url: `${api}/issues/comments/${comment.id}`,
    html_url: `${world.url()}/${fullName(repository)}/pull/${pull.number}#issuecomment-${comment.id}`,
    issue_url: `${api}/issues/${pull.number}`,
    user: accountById(world, comment.authorId),
    body: comment.body,
    author_association: "CONTRIBUTOR",
    performed_via_github_app: null,
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
  };
}

/** A pull request seen as an issue, as the comment webhook carries it. */
export function issueShape(world: World, repository: Repository, pull: Pull, comments: number) {
  const shape = pullShape(world, repository, pull);
  return {
    id: pull.id,
    node_id: shape.node_id,
    number: pull.number,
    url: shape.issue_url,
    html_url: shape.html_url,
    comments_url: shape.comments_url,
    title: pull.title,
    state: pull.state,
    body: pull.body,
    user: shape.user,
    labels: [],
    assignees: [],
    comments,
    draft: shape.draft,
    pull_request: { url: shape.url, html_url: shape.html_url, diff_url: shape.diff_url, merged_at: pull.mergedAt },
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
  };
}
