// The board's routes. Every change goes through the same operations as the API (domain/), as the person signed in, so
// webhooks, history and journal cannot tell a dragged card from an API call.
//   B1. A change needs a session and its form token (sessions.ts); a reading needs a session.
//   B3. Pages run no script but our own and are framed by nobody (HEADERS).
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import type { LinearDocument as L } from "@linear/sdk";
import { GraphQLError } from "graphql";
import { type Change, commit, findIssue, type World } from "../domain/change.ts";
import { commentCreate } from "../domain/comments.ts";
import { issueCreate, issueUpdate } from "../domain/issues.ts";
import { issueRelationCreate, issueRelationDelete } from "../domain/relations.ts";
import type { Html } from "./html.ts";
import { Live } from "./live.ts";
import { boardPage, issuePage, messagePage, signInPage } from "./pages.ts";
import { hasFormToken, isOwnOrigin, type Session, Sessions } from "./sessions.ts";
import { columns, issueDetail } from "./view.ts";

export interface Board {
  readonly handle: (request: Request) => Promise<Response>;
  /** Tells open pages which issues changed. */
  readonly announce: (identifiers: readonly string[]) => void;
  /** Lets go of open pages. */
  readonly close: () => void;
}

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin", // B2 needs the Origin header, which "no-referrer" would blank
  "cache-control": "no-store",
};

const ASSETS: Readonly<Record<string, string>> = {
  "/assets/board.css": "text/css; charset=utf-8",
  "/assets/board.js": "text/javascript; charset=utf-8",
};

export function createBoard({ world, database }: { readonly world: World; readonly database: Database }): Board {
  const { store } = world;
  const sessions = new Sessions(database, store);
  const live = new Live();

  const read = (request: Request, url: URL): Response => {
    const type = ASSETS[url.pathname];
    if (type)
      return new Response(Bun.file(join(import.meta.dir, url.pathname.slice("/assets/".length))), {
        headers: { ...HEADERS, "content-type": type },
      });
    const session = sessions.of(request);
    if (!session) return show(signInPage([...store.tables.User.all()], url.pathname));
    if (url.pathname === "/") return show(boardPage(session, columns(store)));
    if (url.pathname === "/live") return live.connect();
    const detail = issueDetail(store, decoded(/^\/issue\/([^/]+)$/.exec(url.pathname)?.[1]));
    if (detail) return show(issuePage(session, detail));
    return show(messagePage(session, "Not found", "There is no such page here."), 404);
  };

  const write = async (request: Request, url: URL): Promise<Response> => {
    if (!isOwnOrigin(request)) return show(messagePage(undefined, "Refused", "This form came from another site."), 403);
    const form = new URLSearchParams(await request.text());
    if (url.pathname === "/session") return signIn(form);
    const session = sessions.of(request);
    if (!session) return show(signInPage([...store.tables.User.all()], "/"), 401);
    if (!hasFormToken(session, form.get("formToken") ?? "")) {
      return show(messagePage(session, "Refused", "This form is out of date. Load the page again and repeat what you did."), 403);
    }
    if (url.pathname === "/session/end") return redirect("/", { "set-cookie": sessions.end(request) });
    try {
      const next = act(session, url.pathname, form);
      return next ? redirect(next) : show(messagePage(session, "Not found", "There is no such action here."), 404);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      const presentable: unknown = error.extensions.userPresentableMessage;
      return show(messagePage(session, "That did not work", typeof presentable === "string" ? presentable : error.message), 422);
    }
  };

  const signIn = (form: URLSearchParams): Response => {
    const user = [...store.tables.User.all()].find(({ displayName, app }) => displayName === form.get("user") && !app);
    const next = form.get("next") ?? "/";
    if (!user) return show(messagePage(undefined, "Not found", "There is no such user here."), 422);
    return redirect(/^\/issue\/[A-Za-z0-9-]+$/.test(next) ? next : "/", { "set-cookie": sessions.start(user) });
  };

  /** Does what the form says. @returns where to go next, or nothing if there is no such action */
  const act = (session: Session, path: string, form: URLSearchParams): string | undefined => {
    const text = (name: string) => form.get(name) ?? "";
    const as = <Result>(operation: string, work: (change: Change) => Result): Result =>
      commit(world, session.user, operation, work).result;
    if (path === "/issues") {
      const teamId = [...store.tables.Team.all()][0]!.id;
      const input = {
        teamId,
        title: text("title"),
        description: text("description") || null,
        priority: Number(text("priority")),
      };
      return `/issue/${as("issueCreate", (change) => issueCreate(change, { input })).issue.identifier}`;
    }
    const [, identifier, action] = /^\/issue\/([^/]+)\/([a-z]+)$/.exec(path) ?? [];
    const issue = findIssue(store, decoded(identifier));
    if (!issue) return undefined;
    const update = (input: L.IssueUpdateInput) => as("issueUpdate", (change) => issueUpdate(change, { id: issue.id, input }));
    const here = `/issue/${issue.identifier}`;
    switch (action) {
      case "move":
        update({ stateId: text("stateId") });
        return text("back") === "issue" ? here : "/";
      case "priority":
        update({ priority: Number(text("priority")) });
        return here;
      case "delegate":
        update({ delegateId: text("delegateId") || null });
        return here;
      case "comment":
        as("commentCreate", (change) => commentCreate(change, { input: { issueId: issue.id, body: text("body") } }));
        return `${here}#comments`;
      case "relate": {
        const other = text("other").trim();
        const [issueId, relatedIssueId] = text("kind") === "blocks" ? [issue.id, other] : [other, issue.id];
        const type = "blocks" as L.IssueRelationType; // an enum in the SDK's types, a plain word on the wire
        as("issueRelationCreate", (change) => issueRelationCreate(change, { input: { issueId, relatedIssueId, type } }));
        return `${here}#relations`;
      }
      case "unrelate":
        as("issueRelationDelete", (change) => issueRelationDelete(change, { id: text("relationId") }));
        return `${here}#relations`;
      default:
        return undefined;
    }
  };

  return {
    handle: async (request) => {
      const url = new URL(request.url);
      if (request.method === "GET" || request.method === "HEAD") return read(request, url);
      if (request.method === "POST") return write(request, url);
      return show(messagePage(undefined, "Refused", "This address takes GET and POST."), 405);
    },
    announce: (identifiers) => live.announce(identifiers),
    close: () => live.close(),
  };
}

function decoded(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
}

const show = (page: Html, status = 200): Response =>
  new Response(page.markup, { status, headers: { ...HEADERS, "content-type": "text/html; charset=utf-8" } });

const redirect = (location: string, headers: Record<string, string> = {}): Response =>
  new Response(null, { status: 303, headers: { ...HEADERS, ...headers, location } });
