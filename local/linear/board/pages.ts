// The pages of the board, drawn. Elements with `data-live` are read again and replaced when something changes; forms a
// person may be typing in are outside of them.
import { PRIORITY_LABELS } from "../domain/priority.ts";
import type { User, WorkflowState } from "../store/entities.ts";
import { type Html, html } from "./html.ts";
import type { Session } from "./sessions.ts";
import type { Card, Column, IssueDetail, Related } from "./view.ts";

export function signInPage(users: readonly User[], next: string): Html {
  const people = users.filter((user) => !user.app);
  return page(
    "Sign in",
    undefined,
    html`
    <main class="narrow">
      <h1>Who are you?</h1>
      <p>This is Omakase's local Linear. Nobody outside this machine can see it, and no password is needed.</p>
      <form method="post" action="/session" class="stack">
        <input type="hidden" name="next" value="${next}">
        ${people.map((user) => html`<button name="user" value="${user.displayName}">${user.name} <small>${roleOf(user)}</small></button>`)}
      </form>
    </main>`,
  );
}

export function boardPage(session: Session, columns: readonly Column[]): Html {
  const mayChange = !session.user.guest;
  const states = columns.map(({ state }) => state);
  return page(
    "Board",
    session,
    html`
    <main>
      <h1>Omakase <small>OMA</small></h1>
      ${
        mayChange &&
        html`
      <details class="panel new">
        <summary>New ticket</summary>
        <form method="post" action="/issues" class="stack">
          ${token(session)}
          <label>Title <input name="title" required maxlength="512" autocomplete="off"></label>
          <label>Description <textarea name="description" rows="6"></textarea></label>
          <label>Priority ${prioritySelect(0)}</label>
          <button>Create ticket</button>
        </form>
      </details>`
      }
      <p role="status" id="notice" class="notice" hidden></p>
      <div class="board" id="board" data-live data-form-token="${mayChange ? session.formToken : ""}">
        ${columns.map((column) => columnSection(session, column, states, mayChange))}
      </div>
    </main>`,
  );
}

function columnSection(
  session: Session,
  { state, cards, total }: Column,
  states: readonly WorkflowState[],
  mayChange: boolean,
): Html {
  const heading = `column-${state.id}`;
  return html`
    <section class="column" aria-labelledby="${heading}" data-state="${state.id}">
      <h2 id="${heading}">${state.name} <span class="count">${total}</span></h2>
      <ul>${cards.map((card) => cardItem(session, card, state, states, mayChange))}</ul>
      ${total > cards.length && html`<p class="more">and ${total - cards.length} more</p>`}
    </section>`;
}

function cardItem(
  session: Session,
  { issue, labels, blockedBy }: Card,
  state: WorkflowState,
  states: readonly WorkflowState[],
  mayChange: boolean,
): Html {
  const address = `/issue/${issue.identifier}`;
  return html`
    <li class="card" data-identifier="${issue.identifier}" draggable="${mayChange ? "true" : "false"}">
      <p class="meta"><span>${issue.identifier}</span> <span>${PRIORITY_LABELS[issue.priority]}</span></p>
      <a href="${address}" draggable="false">${issue.title}</a>
      ${labels.length > 0 && html`<p class="labels">${labels.map((label) => html`<span class="label">${label.name}</span> `)}</p>`}
      ${blockedBy.length > 0 && html`<p class="blocked">Blocked by ${blockedBy.join(", ")}</p>`}
      ${
        mayChange &&
        html`
      <details class="move">
        <summary aria-label="Move ${issue.identifier}">Move</summary>
        ${moveForm(
          session,
          issue.identifier,
          states.filter(({ id }) => id !== state.id),
          "board",
        )}
      </details>`
      }
    </li>`;
}

function moveForm(session: Session, identifier: string, states: readonly WorkflowState[], back: "board" | "issue"): Html {
  return html`
    <form method="post" action="/issue/${identifier}/move" class="choices">
      ${token(session)}<input type="hidden" name="back" value="${back}">
      ${states.map(({ id, name }) => html`<button name="stateId" value="${id}">${name}</button>`)}
    </form>`;
}

export function issuePage(session: Session, detail: IssueDetail): Html {
  const { issue, state } = detail;
  const mayChange = !session.user.guest;
  const action = (name: string) => `/issue/${issue.identifier}/${name}`;
  return page(
    `${issue.identifier} ${issue.title}`,
    session,
    html`
    <main class="issue">
      <p><a href="/">Back to the board</a></p>
      <header class="panel" id="head" data-live>
        <p class="meta"><span>${issue.identifier}</span> <span class="state">${state.name}</span> <span>${PRIORITY_LABELS[issue.priority]}</span></p>
        <h1>${issue.title}</h1>
        ${issue.archivedAt && html`<p class="blocked">This ticket is archived.</p>`}
        <p class="labels">${detail.labels.map((label) => html`<span class="label">${label.name}</span> `)}</p>
        <p class="meta">Created by ${detail.creator?.name ?? "somebody"} ${time(issue.createdAt)}${detail.delegate && html`, delegated to ${detail.delegate.name}`}</p>
        <div class="text">${issue.description ?? "No description."}</div>
      </header>
      ${
        mayChange &&
        html`
      <section class="panel" aria-label="Change the ticket">
        <h2>Move to</h2>
        ${moveForm(session, issue.identifier, detail.states, "issue")}
        <form method="post" action="${action("priority")}" class="row">
          ${token(session)}<label>Priority ${prioritySelect(issue.priority)}</label><button>Set priority</button>
        </form>
        <form method="post" action="${action("delegate")}" class="row">
          ${token(session)}
          ${detail.agents.map((agent) => html`<button name="delegateId" value="${agent.id}">Delegate to ${agent.name}</button>`)}
          <button name="delegateId" value="">Delegate to nobody</button>
        </form>
      </section>`
      }
      <section class="panel">
        <h2>Relations</h2>
        <div id="relations" data-live>
          ${relationList(session, action("unrelate"), "Blocked by", detail.blockedBy, mayChange)}
          ${relationList(session, action("unrelate"), "Blocks", detail.blocks, mayChange)}
          ${relationList(session, action("unrelate"), "Related", detail.others, mayChange)}
          ${detail.blockedBy.length + detail.blocks.length + detail.others.length === 0 && html`<p>None.</p>`}
        </div>
        ${
          mayChange &&
          html`
        <form method="post" action="${action("relate")}" class="row">
          ${token(session)}
          <label>This ticket <select name="kind"><option value="blockedBy">is blocked by</option><option value="blocks">blocks</option></select></label>
          <label>Ticket <input name="other" required placeholder="OMA-1" size="10" autocomplete="off"></label>
          <button>Add relation</button>
        </form>`
        }
      </section>
      <section class="panel">
        <h2>Links</h2>
        <ul id="links" data-live>${detail.attachments.map(({ url, title, subtitle }) => html`<li><a href="${url}" rel="noopener noreferrer nofollow">${title}</a> ${subtitle}</li>`)}</ul>
        ${detail.attachments.length === 0 && html`<p>Pull requests and runs appear here.</p>`}
      </section>
      <section class="panel">
        <h2>Comments</h2>
        <ol id="comments" class="comments" data-live>
          ${detail.comments.map(({ id, author, at, body }) => html`<li id="comment-${id.slice(0, 8)}"><p class="meta"><strong>${author}</strong> ${time(at)}</p><div class="text">${body}</div></li>`)}
        </ol>
        ${
          mayChange &&
          html`
        <form method="post" action="${action("comment")}" class="stack">
          ${token(session)}<label>Comment <textarea name="body" rows="4" required></textarea></label><button>Add comment</button>
        </form>`
        }
      </section>
      <section class="panel">
        <h2>History</h2>
        <ol id="history" class="history" data-live>
          ${detail.history.map(({ at, actor, lines }) => html`<li>${time(at)} <strong>${actor}</strong> ${lines.join("; ")}</li>`)}
        </ol>
      </section>
    </main>`,
  );
}

function relationList(
  session: Session,
  action: string,
  title: string,
  related: readonly Related[],
  mayChange: boolean,
): Html | false {
  if (related.length === 0) return false;
  const items = related.map(
    ({ relation, issue }) => html`
    <li><a href="/issue/${issue.identifier}">${issue.identifier}</a> ${issue.title}
      ${mayChange && html`<form method="post" action="${action}">${token(session)}<button name="relationId" value="${relation.id}" aria-label="Remove relation to ${issue.identifier}">Remove</button></form>`}
    </li>`,
  );
  return html`<h3>${title}</h3><ul class="relations">${items}</ul>`;
}

export function messagePage(session: Session | undefined, title: string, message: string): Html {
  return page(
    title,
    session,
    html`<main class="narrow"><h1>${title}</h1><p>${message}</p><p><a href="/">To the board</a></p></main>`,
  );
}

function page(title: string, session: Session | undefined, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Linear (local)</title>
<link rel="stylesheet" href="/assets/board.css">
<link rel="icon" href="data:,">
<script src="/assets/board.js" defer></script>
</head>
<body>
<div class="bar">
  <a class="brand" href="/">Linear <span>on this machine</span></a>
  ${session && html`<form method="post" action="/session/end">${token(session)}<span>${session.user.name} (${roleOf(session.user)})</span> <button>Change</button></form>`}
</div>
${body}
</body>
</html>`;
}

const token = (session: Session): Html => html`<input type="hidden" name="formToken" value="${session.formToken}">`;

const roleOf = (user: User): string => (user.admin ? "admin" : user.guest ? "viewer, may look only" : "developer");

const time = (iso: string): Html => html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")}</time>`;

function prioritySelect(selected: number): Html {
  const option = (label: string, value: number) =>
    value === selected
      ? html`<option value="${value}" selected>${label}</option>`
      : html`<option value="${value}">${label}</option>`;
  return html`<select name="priority">${PRIORITY_LABELS.map(option)}</select>`;
}
