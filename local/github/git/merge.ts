// Makes the commits of a merge, a squash or a rebase without a working tree. Moves no ref: the caller does, and only if nobody was faster.
// Git 2.39 is enough: `merge-tree --write-tree` merges two commits; a rebase step is the merge of a commit with a stand-in that has the
// new base's tree and the commit's own parent, so that exactly the commit's change is applied.
import type { BareRepository, Commit } from "./bare-repository.ts";

export type MergeMethod = "merge" | "squash" | "rebase";
type Signature = Commit["author"];

/** The tree of a merge without conflicts, or null. */
export async function mergedTree(git: BareRepository, base: string, head: string): Promise<string | null> {
  const { text, code } = await git.git(
    ["merge-tree", "--write-tree", "--no-messages", "--allow-unrelated-histories", base, head],
    {
      okCodes: [0, 1],
    },
  );
  return code === 0 ? (text.split("\n")[0] ?? null) : null;
}

export const writeMerge = (
  git: BareRepository,
  input: { tree: string; base: string; head: string | null; message: string; author: Signature; committer: Signature },
) => git.writeCommit({ ...input, parents: input.head === null ? [input.base] : [input.base, input.head] });

/**
 * Applies the commits of `head` that `base` has not, one by one, on `base`; merge commits are left out, as GitHub does.
 * Null when one does not apply, or when the outcome would differ from a merge ("cannot be rebased safely").
 */
export async function writeRebase(git: BareRepository, base: string, head: string, committer: Signature): Promise<string | null> {
  const wanted = await mergedTree(git, base, head);
  if (wanted === null) return null;
  const { text } = await git.git(["rev-list", "--reverse", "--topo-order", "--no-merges", head, `^${base}`]);
  let tip = base;
  let tree = (await git.commit(base)).tree;
  for (const sha of text.split("\n").filter(Boolean)) {
    const commit = await git.commit(sha);
    const standIn = await git.writeCommit({
      tree,
      parents: commit.parents,
      message: "base of one rebase step",
      author: committer,
      committer,
    });
    const next = await mergedTree(git, standIn, sha);
    if (next === null) return null;
    if (next === tree) continue; // the base has this change already
    tip = await git.writeCommit({ tree: next, parents: [tip], message: commit.message, author: commit.author, committer });
    tree = next;
  }
  return tree === wanted && tip !== base ? tip : null;
}
