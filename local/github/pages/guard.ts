// Who may look and press. The pages act as a local person without a login, so any other page in the same browser is the enemy.
//   X1. Only a request addressed to this machine by name is answered: a foreign name that resolves here is refused.
//   X2. A button works only with the token of the page it was on, which other sites can neither read nor guess,
//       and only from a page of ours (Origin).

import type { Database } from "bun:sqlite";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { GitHubError } from "../errors.ts";

const COOKIE = "omakase_local_github";

/** @throws {GitHubError} 403 for a request that came by a foreign name (X1) */
export function refuseForeignHost(request: Request): void {
  const host = (request.headers.get("host") ?? "").replace(/:\d+$/, "").toLowerCase();
  if (host !== "localhost" && host !== "127.0.0.1" && host !== "[::1]")
    throw new GitHubError(403, "These pages are served on this machine's own name only.");
}

export interface FormGuard {
  /** The hidden field's value. */
  readonly token: string;
  /** Sets the cookie the token belongs to. */
  readonly headers: Readonly<Record<string, string>>;
}

/** For a page with buttons: the browser's cookie, made when it has none, and the token that goes with it. */
export function formGuard(db: Database, request: Request): FormGuard {
  const known = cookieOf(request);
  const session = known ?? randomBytes(24).toString("base64url");
  const headers = { "set-cookie": `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict` };
  return { token: tokenFor(db, session), headers };
}

/** @throws {GitHubError} 403 when the form was not sent from a page of ours (X2) */
export function refuseForgedForm(db: Database, request: Request, given: string): void {
  const session = cookieOf(request);
  const origin = request.headers.get("origin");
  const foreign = origin !== null && origin !== new URL(request.url).origin;
  const expected = session === null ? null : Buffer.from(tokenFor(db, session));
  const got = Buffer.from(given);
  if (foreign || expected === null || got.length !== expected.length || !timingSafeEqual(got, expected)) {
    throw new GitHubError(403, "This form is not from a page of this server; open the page again and press the button there.");
  }
}

const cookieOf = (request: Request): string | null =>
  new RegExp(`(?:^|; )${COOKIE}=([\\w-]{20,64})(?:;|$)`).exec(request.headers.get("cookie") ?? "")?.[1] ?? null;

const tokenFor = (db: Database, session: string) => createHmac("sha256", secretOf(db)).update(session).digest("base64url");

/** Kept in the state, so that a page opened before a restart still works after it. */
function secretOf(db: Database): string {
  db.query("INSERT INTO secrets (name, value) VALUES ('forms', ?) ON CONFLICT DO NOTHING").run(randomBytes(32).toString("hex"));
  const row = db.query<{ value: string }, []>("SELECT value FROM secrets WHERE name = 'forms'").get();
  if (row === null) throw new Error("the form secret was not stored");
  return row.value;
}
