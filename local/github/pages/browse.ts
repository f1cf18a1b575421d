// Pages that show what is there: repositories, one repository, its files and commits.
import { notFound } from "../errors.ts";
import type { BareRepository } from "../git/bare-repository.ts";
import { fileChanges } from "../git/diff.ts";
import { OutputTooLarge } from "../git/run.ts";
import { encodePath } from "../shapes/commit.ts";
import { listPulls, openPulls, type Pull } from "../store/pulls.ts";
import { fullName, listRepositories, type Repository } from "../store/repositories.ts";
import { gitOf, type World } from "../world.ts";
import { diffView } from "./diff.ts";
import { type Html, html } from "./html.ts";
import { pageResponse, shortSha } from "./layout.ts";

const MAX_LISTED_PULLS = 100;
const MAX_LISTED_COMMITS = 20;
const MAX_SHOWN_BYTES = 512 * 1024;
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

export function homePage(world: World): Response {
  const rows = listRepositories(world.db).map((repository) => {
    const open = openPulls(world.db, repository.id).length;
    return html`<li><a href="/${fullName(repository)}"><b>${fullName(repository)}</b></a> <span class="quiet">${open} open pull request${open === 1 ? "" : "s"}</span><br>${repository.description}</li>`;
  });
  const list =
    rows.length === 0
      ? html`<p>There is no repository yet. Create one with <code>POST /orgs/{org}/repos</code>.</p>`
      : html`<ul class="plain">${rows}</ul>`;
  return pageResponse("Repositories", [], html`<h1>Repositories</h1><div class="card">${list}</div>`);
}

export const repositoryCrumb = (repository: Repository): Html =>
  html`<a href="/${fullName(repository)}">${fullName(repository)}</a>`;

export async function repositoryPage(world: World, repository: Repository): Promise<Response> {
  const git = gitOf(world, repository);
  const branches = [...(await git.refs())]
    .filter(([name]) => name.startsWith("refs/heads/"))
    .map(([name, sha]) => ({ name: name.slice(11), sha }));
  const { rows, total } = listPulls(
    world.db,
    repository.id,
    { state: "all", headRef: null, baseRef: null, sort: "created", direction: "desc" },
    { limit: MAX_LISTED_PULLS, offset: 0 },
  );
  const pulls = rows.map(
    (pull) =>
      html`<li><a href="/${fullName(repository)}/pull/${pull.number}">#${pull.number} <b>${pull.title}</b></a> ${stateTag(pull)} <code>${pull.headRef}</code> into <code>${pull.baseRef}</code></li>`,
  );
  const heads = branches.map(
    ({ name, sha }) =>
      html`<li><a href="/${fullName(repository)}/tree/${encodePath(name)}"><code>${name}</code></a> <a href="/${fullName(repository)}/commit/${sha}">${shortSha(sha)}</a></li>`,
  );
  return pageResponse(
    fullName(repository),
    [repositoryCrumb(repository)],
    html`<h1>${fullName(repository)}</h1><p>${repository.description}</p><p><code>git clone ${world.url()}/${fullName(repository)}.git</code></p>
<h2>Pull requests</h2><div class="card">${pulls.length === 0 ? html`<p>None yet.</p>` : html`<ul class="plain">${pulls}</ul>`}${total > rows.length ? html`<p class="quiet">and ${total - rows.length} older ones</p>` : null}</div>
<h2>Branches</h2><div class="card">${heads.length === 0 ? html`<p>The repository is empty: push a branch.</p>` : html`<ul class="plain">${heads}</ul>`}</div>`,
  );
}

export function stateTag(pull: Pull): Html {
  const state = pull.mergedAt !== null ? "merged" : pull.state === "open" && pull.draft === 1 ? "draft" : pull.state;
  return html`<span class="tag ${state}">${state}</span>`;
}

export async function commitPage(world: World, repository: Repository, ref: string): Promise<Response> {
  const git = gitOf(world, repository);
  const sha = await git.commitOf(ref);
  if (sha === null) throw notFound();
  const commit = await git.commit(sha);
  const [title, ...body] = commit.message.split("\n");
  const files = await fileChanges(git, commit.parents[0] ?? EMPTY_TREE, sha);
  return pageResponse(
    `${title}`,
    [repositoryCrumb(repository), shortSha(sha)],
    html`<h1>${title ?? ""}</h1><p>${commit.author.name} · ${commit.author.date} · <code>${sha}</code> · <a href="/${fullName(repository)}/tree/${sha}">files</a></p>
<div class="text">${body.join("\n").trim()}</div><h2>Changes</h2>${diffView(files)}`,
  );
}

/** A branch or commit and a path in one: the longest part that is a ref wins, since branch names hold slashes. */
async function splitRef(git: BareRepository, refAndPath: string): Promise<{ ref: string; commit: string; path: string }> {
  const parts = refAndPath.split("/").filter((part) => part !== "");
  for (let count = parts.length; count > 0; count -= 1) {
    const ref = parts.slice(0, count).join("/");
    const commit = await git.commitOf(ref);
    if (commit !== null) return { ref, commit, path: parts.slice(count).join("/") };
  }
  throw notFound();
}

export async function treePage(world: World, repository: Repository, refAndPath: string): Promise<Response> {
  const git = gitOf(world, repository);
  const { ref, commit, path } = await splitRef(git, refAndPath);
  const entry = await git.entry(commit, path);
  if (entry === null || entry.type !== "tree") throw notFound();
  const base = `/${fullName(repository)}`;
  const rows = (await git.list(entry.sha)).map((child) => {
    const to = encodePath(`${ref}/${path === "" ? "" : `${path}/`}${child.path}`);
    const kind = child.type === "tree" ? "tree" : "blob";
    return html`<li><a href="${base}/${kind}/${to}"><code>${child.path}${child.type === "tree" ? "/" : ""}</code></a></li>`;
  });
  const commits = await git.log(commit, { limit: MAX_LISTED_COMMITS, ...(path === "" ? {} : { path }) });
  const log = commits.map(
    (one) =>
      html`<li><a href="${base}/commit/${one.sha}">${shortSha(one.sha)}</a> ${one.message.split("\n")[0] ?? ""} <span class="quiet">${one.author.name}</span></li>`,
  );
  return pageResponse(
    `${fullName(repository)} at ${ref}`,
    [repositoryCrumb(repository), html`${ref}`],
    html`<h1><code>${ref}</code> ${path}</h1><div class="card"><ul class="plain">${rows}</ul></div><h2>Commits</h2><div class="card"><ul class="plain">${log}</ul></div>`,
  );
}

export async function blobPage(world: World, repository: Repository, refAndPath: string): Promise<Response> {
  const git = gitOf(world, repository);
  const { ref, commit, path } = await splitRef(git, refAndPath);
  const entry = await git.entry(commit, path);
  if (entry === null || entry.type !== "blob") throw notFound();
  const text = await textOf(git, entry.sha);
  const shown =
    text === null ? html`<p class="quiet">Binary, or too large to show: ${entry.size} bytes.</p>` : html`<pre>${text}</pre>`;
  return pageResponse(
    path,
    [repositoryCrumb(repository), html`${ref}`],
    html`<h1><code>${path}</code></h1><div class="card">${shown}</div>`,
  );
}

async function textOf(git: BareRepository, sha: string): Promise<string | null> {
  try {
    const bytes = await git.blob(sha, MAX_SHOWN_BYTES);
    return bytes.includes(0) ? null : new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof OutputTooLarge) return null;
    throw error;
  }
}
