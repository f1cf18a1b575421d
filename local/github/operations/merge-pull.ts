// Merges a pull request, and branches into branches.
//   M1. The base moves only if it still is what the merge was made from; a racing push makes the merge fail, never disappear.
//   M2. The merge intent is stored before the base moves: after a crash in between, settling finds the moved base and marks the merge (R2).
import { GitHubError } from "../errors.ts";
import type { BareRepository, Commit } from "../git/bare-repository.ts";
import { type MergeMethod, mergedTree, writeMerge, writeRebase } from "../git/merge.ts";
import { type Account, accountOf } from "../store/accounts.ts";
import type { Pull } from "../store/pulls.ts";
import { isoSeconds, type World } from "../world.ts";
import type { Change } from "./change.ts";
import { changingRefs } from "./refs.ts";

const MAX_SQUASHED_MESSAGES = 250;

export interface MergeRequest {
  readonly method: MergeMethod;
  /** Merge only if the head still is this commit. */
  readonly sha: string | null;
  readonly title: string | null;
  readonly message: string | null;
}

/** The merge commit's id. @throws {GitHubError} 405 not mergeable, 409 head moved */
export async function mergePull(change: Change, pull: Pull, request: MergeRequest): Promise<string> {
  const { git } = change;
  if (pull.state !== "open") throw new GitHubError(405, "Pull Request is not mergeable");
  if (pull.draft === 1) throw new GitHubError(405, "Pull Request is still a draft");
  const [head, base] = [await git.branch(pull.headRef), await git.branch(pull.baseRef)];
  if (head === null || base === null) throw new GitHubError(405, "Pull Request is not mergeable");
  if (request.sha !== null && request.sha !== head)
    throw new GitHubError(409, "Head branch was modified. Review and try the merge again.");
  const sha = await mergeCommit(change, pull, { base, head, request });
  const moved = await changingRefs(change, () => git.updateRef(`refs/heads/${pull.baseRef}`, sha, base), {
    pullId: pull.id,
    sha,
    method: request.method,
  });
  if (!moved) throw new GitHubError(405, "Base branch was modified. Review and try the merge again.");
  return sha;
}

interface Ends {
  readonly base: string;
  readonly head: string;
  readonly request: MergeRequest;
}

async function mergeCommit(
  { world, git, repository, actor }: Change,
  pull: Pull,
  { base, head, request }: Ends,
): Promise<string> {
  const committer = webCommitter(world);
  if (request.method === "rebase") {
    const tip = await writeRebase(git, base, head, committer);
    if (tip === null) throw new GitHubError(405, "This branch can't be rebased");
    return tip;
  }
  const tree = await mergedTree(git, base, head);
  if (tree === null) throw new GitHubError(405, "Pull Request is not mergeable");
  if (request.method === "squash") {
    const title = request.title ?? `${pull.title} (#${pull.number})`;
    const message = joined(title, request.message ?? (await squashedMessages(git, base, head)));
    return writeMerge(git, {
      tree,
      base,
      head: null,
      message,
      author: signatureOf(world, accountOf(world.db, pull.authorId)),
      committer,
    });
  }
  const title = request.title ?? `Merge pull request #${pull.number} from ${repository.ownerLogin}/${pull.headRef}`;
  const message = joined(title, request.message ?? pull.title);
  return writeMerge(git, { tree, base, head, message, author: signatureOf(world, actor), committer });
}

export interface BranchMerge {
  readonly base: string;
  readonly head: string;
  readonly message: string | null;
}

/** Merges a branch or commit into a branch: the new commit's id, or null when there is nothing to merge. @throws {GitHubError} 404, 409 */
export async function mergeBranch(change: Change, input: BranchMerge): Promise<string | null> {
  const { world, git, actor } = change;
  const base = await git.branch(input.base);
  const head = await git.commitOf(input.head);
  if (base === null) throw new GitHubError(404, "Base does not exist");
  if (head === null) throw new GitHubError(404, "Head does not exist");
  if (await git.isAncestor(head, base)) return null;
  const tree = await mergedTree(git, base, head);
  if (tree === null) throw new GitHubError(409, "Merge conflict");
  const message = input.message ?? `Merge ${input.head} into ${input.base}`;
  const sha = await writeMerge(git, {
    tree,
    base,
    head,
    message,
    author: signatureOf(world, actor),
    committer: webCommitter(world),
  });
  const moved = await changingRefs(change, () => git.updateRef(`refs/heads/${input.base}`, sha, base));
  if (!moved) throw new GitHubError(409, "Merge conflict");
  return sha;
}

/** One commit: its own body. Several: a list of their messages, oldest first. */
async function squashedMessages(git: BareRepository, base: string, head: string): Promise<string> {
  const commits = await git.log(head, { limit: MAX_SQUASHED_MESSAGES, without: base, oldestFirst: true });
  const [only] = commits;
  if (commits.length === 1 && only !== undefined) return only.message.split("\n").slice(1).join("\n").trim();
  return commits.map((commit) => `* ${commit.message}`).join("\n\n");
}

const joined = (title: string, body: string) => (body === "" ? `${title}\n` : `${title}\n\n${body}\n`);

const signatureOf = (world: World, account: Account): Commit["author"] => ({
  name: account.login,
  email: `${account.id}+${account.login}@users.noreply.github.com`,
  date: isoSeconds(world.nowMs()),
});

/** GitHub itself commits what is merged on its pages and by its API. */
const webCommitter = (world: World): Commit["committer"] => ({
  name: "GitHub",
  email: "noreply@github.com",
  date: isoSeconds(world.nowMs()),
});
