// Commits, refs and changed files as GitHub's JSON writes them.
import type { Commit } from "../git/bare-repository.ts";
import type { FileChange } from "../git/diff.ts";
import { fullName, type Repository } from "../store/repositories.ts";
import type { World } from "../world.ts";

export function commitShape(world: World, repository: Repository, commit: Commit) {
  const api = `${world.url()}/repos/${fullName(repository)}`;
  const html = `${world.url()}/${fullName(repository)}`;
  return {
    sha: commit.sha,
    node_id: `C_${commit.sha}`,
    commit: {
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      url: `${api}/git/commits/${commit.sha}`,
      comment_count: 0,
      verification: { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null },
    },
    url: `${api}/commits/${commit.sha}`,
    html_url: `${html}/commit/${commit.sha}`,
    comments_url: `${api}/commits/${commit.sha}/comments`,
    author: null,
    committer: null,
    parents: commit.parents.map((sha) => ({ sha, url: `${api}/commits/${sha}`, html_url: `${html}/commit/${sha}` })),
  };
}

export const refShape = (world: World, repository: Repository, name: string, sha: string) => ({
  ref: name,
  node_id: `REF_${Buffer.from(`${repository.id}:${name}`).toString("base64url")}`,
  url: `${world.url()}/repos/${fullName(repository)}/git/${name}`,
  object: { type: "commit", sha, url: `${world.url()}/repos/${fullName(repository)}/git/commits/${sha}` },
});

export const fileShape = (world: World, repository: Repository, commit: string, change: FileChange) => ({
  sha: change.sha,
  filename: change.path,
  status: change.status,
  additions: change.additions,
  deletions: change.deletions,
  changes: change.additions + change.deletions,
  blob_url: `${world.url()}/${fullName(repository)}/blob/${commit}/${encodePath(change.path)}`,
  contents_url: `${world.url()}/repos/${fullName(repository)}/contents/${encodePath(change.path)}?ref=${commit}`,
  ...(change.patch === null ? {} : { patch: change.patch }),
  ...(change.previousPath === null ? {} : { previous_filename: change.previousPath }),
});

export const encodePath = (path: string) => path.split("/").map(encodeURIComponent).join("/");
