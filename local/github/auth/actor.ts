// Who is calling: the app itself, an installation of it, or a person. Turns an Authorization header into one of these.
import { timingSafeEqual } from "node:crypto";
import { GitHubError } from "../errors.ts";
import { type Account, accountOf, ensureAccount, findInstallation } from "../store/accounts.ts";
import type { Repository } from "../store/repositories.ts";
import { digestOf, findToken } from "../store/tokens.ts";
import { botAccount, nowIso, type World } from "../world.ts";
import type { AppJwtVerifier } from "./app-jwt.ts";
import { allows, type Level, type Permission, type Permissions } from "./permissions.ts";

interface InstallationActor {
  readonly kind: "installation";
  readonly account: Account;
  readonly token: string;
  readonly installationId: number;
  readonly ownerId: number;
  /** Null: every repository of the owner. */
  readonly repositoryIds: readonly number[] | null;
  readonly permissions: Permissions;
}

export type Actor =
  | { readonly kind: "app"; readonly account: Account }
  | InstallationActor
  | { readonly kind: "person"; readonly account: Account };

/** Those who can touch a repository: an app first has to become an installation. */
export type Member = Exclude<Actor, { kind: "app" }>;

/** Null without credentials. @throws {GitHubError} 401 for credentials that are not valid */
export async function actorOf(world: World, header: string | null, verifyJwt: AppJwtVerifier): Promise<Actor | null> {
  const secret = secretIn(header);
  if (secret === null) return null;
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(secret)) {
    await verifyJwt(secret, world.nowMs());
    return { kind: "app", account: botAccount(world) };
  }
  const login = personOf(world, secret);
  if (login !== null) return { kind: "person", account: ensureAccount(world.db, login, "User", nowIso(world)) };
  const stored = findToken(world.db, secret, world.nowMs());
  const installation = stored === null ? null : findInstallation(world.db, stored.installationId);
  if (stored === null || installation === null) throw new GitHubError(401, "Bad credentials");
  return {
    kind: "installation",
    account: botAccount(world),
    token: secret,
    installationId: installation.id,
    ownerId: accountOf(world.db, installation.accountId).id,
    repositoryIds: stored.repositoryIds === null ? null : (JSON.parse(stored.repositoryIds) as number[]),
    permissions: JSON.parse(stored.permissions) as Permissions,
  };
}

/** People are members of every local organisation; an installation sees its owner's repositories, or the ones its token names. */
export const sees = (actor: Member, repository: Repository) =>
  actor.kind === "person" ||
  (actor.ownerId === repository.ownerId && (actor.repositoryIds === null || actor.repositoryIds.includes(repository.id)));

/** Whether any of the permissions is held at the level. People hold all of them. */
export const may = (actor: Member, anyOf: readonly Permission[], level: Level) =>
  actor.kind === "person" || anyOf.some((permission) => allows(actor.permissions, permission, level));

/** `Bearer x`, `token x`, or the password of `Basic`, as git sends it. */
function secretIn(header: string | null): string | null {
  const [, scheme = "", value = ""] = /^(\w+) +(\S+)$/.exec(header?.trim() ?? "") ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
    case "token":
      return value;
    case "basic": {
      const pair = Buffer.from(value, "base64").toString();
      const secret = pair.slice(pair.indexOf(":") + 1);
      return secret === "" || !pair.includes(":") ? null : secret;
    }
    default:
      return null;
  }
}

function personOf(world: World, secret: string): string | null {
  const given = Buffer.from(digestOf(secret));
  const found = Object.entries(world.settings.userTokens).find(([token]) => timingSafeEqual(Buffer.from(digestOf(token)), given));
  return found?.[1] ?? null;
}
