// Routes that read history: commits, comparisons, files.
import { GitHubError, notFound } from "../errors.ts";
import type { BareRepository, TreeEntry } from "../git/bare-repository.ts";
import { fileChanges, patchText } from "../git/diff.ts";
import { OutputTooLarge } from "../git/run.ts";
import type { Api, RepositoryCall } from "../http/api.ts";
import { linkHeader, ok, pageOf, type Reply, text } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { commitShape, encodePath, fileShape } from "../shapes/commit.ts";
import { fullName } from "../store/repositories.ts";

const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
/** GitHub shows no more of a comparison. */
const MAX_COMPARED_COMMITS = 250;
const MAX_COMPARED_FILES = 300;
/** Above this the contents route answers without the content, above a hundred times this not at all. */
const MAX_INLINE_BLOB_BYTES = 1024 * 1024;
const MAX_BLOB_BYTES = 100 * MAX_INLINE_BLOB_BYTES;

export function commitRoutes(api: Api): Route[] {
  return [
    api.forRepository("GET", "/commits", ["contents"], listCommits),
    api.forRepository("GET", "/commits/{ref...}", ["contents"], getCommit),
    api.forRepository("GET", "/compare/{basehead...}", ["contents"], compare),
    api.forRepository("GET", "/contents", ["contents"], (call) => contents(call, "")),
    api.forRepository("GET", "/contents/{path...}", ["contents"], (call) => contents(call, call.params.path.replace(/\/+$/, ""))),
  ];
}

/** The commit a route names. @throws {GitHubError} 422 as GitHub answers for commits */
export async function requiredCommit(git: BareRepository, ref: string): Promise<string> {
  const sha = await git.commitOf(ref);
  if (sha === null) throw new GitHubError(422, `No commit found for SHA: ${ref.slice(0, 200)}`);
  return sha;
}

async function listCommits({ world, repository, git, query, url }: RepositoryCall) {
  const from = await git.commitOf(query.get("sha") ?? repository.defaultBranch);
  if (from === null) throw query.has("sha") ? notFound() : new GitHubError(409, "Git Repository is empty.");
  const page = pageOf(query);
  const path = query.get("path");
  const found = await git.log(from, { limit: page.limit + 1, offset: page.offset, ...(path === null ? {} : { path }) });
  const total = page.offset + found.length; // one more than the page shows that there is a next one
  return ok(
    found.slice(0, page.limit).map((commit) => commitShape(world, repository, commit)),
    linkHeader(url, page, total),
  );
}

async function getCommit({ world, repository, git, params, accept }: RepositoryCall<"ref">): Promise<Reply> {
  const sha = await requiredCommit(git, params.ref);
  if (/\.sha\b/.test(accept)) return text(sha, "application/vnd.github.sha; charset=utf-8");
  const commit = await git.commit(sha);
  const parent = commit.parents[0] ?? EMPTY_TREE;
  if (/\.diff\b/.test(accept)) return diff(git, parent, sha);
  const files = (await fileChanges(git, parent, sha)).map((change) => fileShape(world, repository, sha, change));
  const count = (name: "additions" | "deletions") => files.reduce((sum, file) => sum + file[name], 0);
  const stats = { additions: count("additions"), deletions: count("deletions"), total: count("additions") + count("deletions") };
  return ok({ ...commitShape(world, repository, commit), stats, files });
}

async function compare({ world, repository, git, params, accept }: RepositoryCall<"basehead">): Promise<Reply> {
  const [from = "", to = ""] = params.basehead.split("...").map((end) => end.replace(/^[^/]*:/, ""));
  const [base, head] = [await git.commitOf(from), await git.commitOf(to)];
  if (base === null || head === null) throw notFound();
  const mergeBase = await git.mergeBase(base, head);
  if (mergeBase === null) throw new GitHubError(404, `No common ancestor between ${from} and ${to}.`);
  if (/\.diff\b/.test(accept)) return diff(git, mergeBase, head);
  const [ahead, behind] = [await git.countCommits(base, head), await git.countCommits(head, base)];
  const commits = await git.log(head, { limit: MAX_COMPARED_COMMITS, without: base, oldestFirst: true });
  const files = await fileChanges(git, mergeBase, head);
  return ok({
    url: `${world.url()}/repos/${fullName(repository)}/compare/${from}...${to}`,
    html_url: `${world.url()}/${fullName(repository)}/compare/${from}...${to}`,
    status: ahead > 0 ? (behind > 0 ? "diverged" : "ahead") : behind > 0 ? "behind" : "identical",
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    base_commit: commitShape(world, repository, await git.commit(base)),
    merge_base_commit: commitShape(world, repository, await git.commit(mergeBase)),
    commits: commits.map((commit) => commitShape(world, repository, commit)),
    files: files.slice(0, MAX_COMPARED_FILES).map((change) => fileShape(world, repository, head, change)),
  });
}

/** The diff media type. @throws {GitHubError} 406 when it is too large */
export async function diff(git: BareRepository, from: string, to: string): Promise<Reply> {
  const patch = await patchText(git, from, to);
  if (patch === null) throw new GitHubError(406, "Sorry, the diff exceeded the maximum number of lines (20000)");
  return text(patch, "application/vnd.github.diff; charset=utf-8");
}

async function contents(call: RepositoryCall<never> | RepositoryCall<"path">, path: string): Promise<Reply> {
  const { repository, git, query, accept } = call;
  const ref = query.get("ref") ?? repository.defaultBranch;
  const commit = await git.commitOf(ref);
  if (commit === null)
    throw query.has("ref")
      ? new GitHubError(404, `No commit found for the ref ${ref.slice(0, 200)}`)
      : new GitHubError(404, "This repository is empty.");
  const entry = await git.entry(commit, path);
  if (entry === null) throw notFound();
  if (entry.type === "tree") {
    const below = await git.list(entry.sha);
    return ok(
      below.map((child) => entryShape(call, ref, { ...child, path: path === "" ? child.path : `${path}/${child.path}` })),
    );
  }
  if (entry.type === "commit") return ok({ ...entryShape(call, ref, entry), submodule_git_url: null });
  const bytes = await blob(git, entry);
  if (/\.raw\b/.test(accept)) return text(bytes, "application/vnd.github.raw; charset=utf-8");
  const inline = bytes.byteLength <= MAX_INLINE_BLOB_BYTES;
  const content = inline
    ? Buffer.from(bytes)
        .toString("base64")
        .replace(/(.{60})/g, "$1\n")
    : "";
  return ok({ ...entryShape(call, ref, entry), content, encoding: inline ? "base64" : "none" });
}

async function blob(git: BareRepository, entry: TreeEntry): Promise<Uint8Array> {
  try {
    return await git.blob(entry.sha, MAX_BLOB_BYTES);
  } catch (error) {
    if (error instanceof OutputTooLarge) throw new GitHubError(403, "This API returns blobs up to 100 MB in size.");
    throw error;
  }
}

function entryShape({ world, repository }: Pick<RepositoryCall, "world" | "repository">, ref: string, entry: TreeEntry) {
  const api = `${world.url()}/repos/${fullName(repository)}`;
  const type = entry.mode === "120000" ? "symlink" : { blob: "file", tree: "dir", commit: "submodule" }[entry.type];
  return {
    type,
    size: entry.size,
    name: entry.path.split("/").at(-1) ?? "",
    path: entry.path,
    sha: entry.sha,
    url: `${api}/contents/${encodePath(entry.path)}?ref=${encodeURIComponent(ref)}`,
    git_url: `${api}/git/${entry.type === "tree" ? "trees" : "blobs"}/${entry.sha}`,
    html_url: `${world.url()}/${fullName(repository)}/${entry.type === "tree" ? "tree" : "blob"}/${encodePath(ref)}/${encodePath(entry.path)}`,
    download_url: null,
  };
}
