// The page of a pull request: what it changes, what people and machines said, and the buttons.
import { fileChanges } from "../git/diff.ts";
import type { PullFacts } from "../git/pull-facts.ts";
import { type Account, accountOf } from "../store/accounts.ts";
import { checkRunsFor, latestStatuses } from "../store/checks.ts";
import { commentsOf } from "../store/comments.ts";
import type { Pull } from "../store/pulls.ts";
import { fullName, type Repository } from "../store/repositories.ts";
import { reviewCommentsOf, reviewsOf } from "../store/reviews.ts";
import { gitOf, type World } from "../world.ts";
import { repositoryCrumb, stateTag } from "./browse.ts";
import { diffView } from "./diff.ts";
import type { FormGuard } from "./guard.ts";
import { type Html, html } from "./html.ts";
import { pageResponse, shortSha } from "./layout.ts";

const MAX_LISTED_COMMITS = 100;

interface View {
  readonly world: World;
  readonly repository: Repository;
  readonly pull: Pull;
  readonly viewer: Account;
  readonly guard: FormGuard;
}

/** `problem` is what GitHub said to the button pressed last, if it refused. */
export async function pullPage(view: View, problem: { status: number; message: string } | null = null): Promise<Response> {
  const { world, repository, pull, guard } = view;
  const git = gitOf(world, repository);
  const facts = await world.facts.of(git, pull.baseSha, pull.headSha);
  const [files, commits] = await Promise.all([
    fileChanges(git, facts.mergeBase, pull.headSha),
    git.log(pull.headSha, { limit: MAX_LISTED_COMMITS, without: pull.baseSha, oldestFirst: true }),
  ]);
  const remarks = reviewCommentsOf(world.db, pull.id).map((remark) => ({
    ...remark,
    author: accountOf(world.db, remark.authorId).login,
  }));
  const commitRows = commits.map(
    (commit) =>
      html`<li><a href="/${fullName(repository)}/commit/${commit.sha}">${shortSha(commit.sha)}</a> ${commit.message.split("\n")[0] ?? ""} <span class="quiet">${commit.author.name}</span></li>`,
  );
  const content = html`${problem === null ? null : html`<div class="card failure" role="alert">${problem.message}</div>`}
<h1>${pull.title} <span class="quiet">#${pull.number}</span></h1>
<p>${stateTag(pull)} ${accountOf(world.db, pull.authorId).login} wants <code>${pull.headRef}</code> in <code>${pull.baseRef}</code> · ${facts.commits} commit${facts.commits === 1 ? "" : "s"} · ${facts.files} file${facts.files === 1 ? "" : "s"} · +${facts.additions} −${facts.deletions}</p>
<div class="card text">${pull.body === null || pull.body === "" ? html`<span class="quiet">No description.</span>` : pull.body}</div>
<h2>Checks</h2><div class="card">${checks(view)}</div>
<h2>Conversation</h2>${conversation(view)}
${actions(view, facts)}
<h2>Commits</h2><div class="card"><ul class="plain">${commitRows}</ul></div>
<h2>Files</h2>${diffView(files, remarks)}`;
  const crumbs = [repositoryCrumb(repository), html`#${pull.number}`];
  return pageResponse(`${pull.title} · #${pull.number}`, crumbs, content, {
    status: problem?.status ?? 200,
    headers: guard.headers,
  });
}

function checks({ world, repository, pull }: View): Html {
  const runs = checkRunsFor(world.db, repository.id, pull.headSha, true).map((run) => ({
    name: run.name,
    state: run.conclusion ?? run.status,
    about: run.title ?? run.summary,
  }));
  const statuses = latestStatuses(world.db, repository.id, pull.headSha).map((status) => ({
    name: status.context,
    state: status.state,
    about: status.description,
  }));
  const all = [...runs, ...statuses];
  if (all.length === 0) return html`<p class="quiet">None for this commit.</p>`;
  return html`<ul class="plain">${all.map((check) => html`<li><span class="tag ${check.state}">${check.state}</span> <b>${check.name}</b> ${check.about}</li>`)}</ul>`;
}

function conversation({ world, pull, viewer }: View): Html {
  const name = (id: number) => accountOf(world.db, id).login;
  const said = [
    ...reviewsOf(world.db, pull.id, viewer.id).map((review) => ({
      at: review.submittedAt ?? "",
      id: review.id,
      view: html`<article class="card"><h3>${name(review.authorId)} <span class="tag ${review.state}">${VERDICT[review.state]}</span> <span class="quiet">${review.submittedAt} on ${shortSha(review.commitSha)}</span></h3><div class="text">${review.body}</div></article>`,
    })),
    ...commentsOf(world.db, pull.id).map((comment) => ({
      at: comment.createdAt,
      id: comment.id,
      view: html`<article class="card"><h3>${name(comment.authorId)} <span class="quiet">${comment.createdAt}</span></h3><div class="text">${comment.body}</div></article>`,
    })),
  ].sort((a, b) => a.at.localeCompare(b.at) || a.id - b.id);
  return said.length === 0 ? html`<p class="quiet">Nobody has said anything yet.</p>` : html`${said.map((entry) => entry.view)}`;
}

const VERDICT = {
  PENDING: "pending",
  COMMENTED: "commented",
  APPROVED: "approved",
  CHANGES_REQUESTED: "requested changes",
  DISMISSED: "dismissed",
} as const;

function actions({ pull, repository, guard, viewer }: View, facts: PullFacts): Html {
  const button = (action: string, label: string) => html`<button type="submit" name="action" value="${action}">${label}</button>`;
  const mayJudge = pull.authorId !== viewer.id;
  const state =
    pull.state === "open"
      ? html`${pull.draft === 0 && facts.mergeable ? button("merge", "Merge") : null}${pull.draft === 1 ? button("ready", "Ready for review") : null}${button("close", "Close")}`
      : pull.mergedAt === null
        ? button("reopen", "Reopen")
        : null;
  return html`<form class="card" method="post" action="/${fullName(repository)}/pull/${pull.number}"><input type="hidden" name="token" value="${guard.token}">
<label for="body"><b>Your words</b></label><textarea id="body" name="body" maxlength="65536"></textarea>
${mayJudge && pull.state === "open" ? html`${button("approve", "Approve")}${button("request-changes", "Request changes")}` : null}${button("comment", "Comment")}${state}
${pull.state === "open" && !facts.mergeable ? html`<p>This branch has conflicts with <code>${pull.baseRef}</code>.</p>` : null}</form>`;
}
