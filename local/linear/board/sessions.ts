// Who is looking at the board: a cookie names a session, a session names a user. There are no passwords on one machine;
// what is guarded against is another page acting through this browser.
//   B1. A change needs the session's own form token: cookies alone prove nothing, since every local port shares them.
//   B2. A request that says it comes from another origin is refused.
import type { Database } from "bun:sqlite";
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { User } from "../store/entities.ts";
import type { Store } from "../store/store.ts";

export interface Session {
  readonly user: User;
  /** Goes into every form; comes back with it (B1). */
  readonly formToken: string;
}

// Lax, not Strict: a link to a ticket from a page at another name (localhost, 127.0.0.1) must find the session. B1 and B2
// are what keeps forged forms out.
const COOKIE = "omakase_local_linear";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

export class Sessions {
  private readonly insert;
  private readonly find;
  private readonly erase;

  constructor(
    database: Database,
    private readonly store: Store,
  ) {
    database.run("CREATE TABLE IF NOT EXISTS sessions (hash TEXT PRIMARY KEY, userId TEXT NOT NULL)");
    this.insert = database.prepare<unknown, [string, string]>("INSERT INTO sessions (hash, userId) VALUES (?, ?)");
    this.find = database.prepare<{ userId: string }, [string]>("SELECT userId FROM sessions WHERE hash = ?");
    this.erase = database.prepare<unknown, [string]>("DELETE FROM sessions WHERE hash = ?");
  }

  of(request: Request): Session | undefined {
    const secret = secretOf(request);
    const user = secret ? this.store.get("User", this.find.get(hash(secret))?.userId ?? "") : undefined;
    return secret && user ? { user, formToken: hash(`form ${secret}`) } : undefined;
  }

  /** Signs a user in. @returns the Set-Cookie value */
  start(user: User): string {
    const secret = randomBytes(32).toString("hex");
    this.insert.run(hash(secret), user.id);
    return `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Lax`;
  }

  /** Signs out. @returns the Set-Cookie value that forgets the session */
  end(request: Request): string {
    const secret = secretOf(request);
    if (secret) this.erase.run(hash(secret));
    return `${COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`;
  }
}

/** B1. Did the form carry the session's token? */
export function hasFormToken(session: Session, given: string): boolean {
  const [left, right] = [Buffer.from(session.formToken), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** B2. Browsers name the origin of every form they send; a program that names none is no browser. */
export function isOwnOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.get("host");
}

function secretOf(request: Request): string | undefined {
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [name, value] = pair.trim().split("=");
    if (name === COOKIE && value) return value;
  }
  return undefined;
}
