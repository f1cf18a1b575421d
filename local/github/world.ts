// What every part of this server shares: the open state, the settings, the clock. No decisions here.
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { BareRepository } from "./git/bare-repository.ts";
import type { Gate } from "./git/gate.ts";
import type { PullFactsCache } from "./git/pull-facts.ts";
import type { Git } from "./git/run.ts";
import type { Faults } from "./http/faults.ts";
import type { RateLimits } from "./http/rate-limit.ts";
import type { RepositoryLocks } from "./operations/locks.ts";
import type { Account } from "./store/accounts.ts";
import { ensureAccount } from "./store/accounts.ts";
import type { Repository } from "./store/repositories.ts";
import type { WebhookSender } from "./webhooks/sender.ts";

export interface Settings {
  readonly dir: string;
  readonly appId: number;
  readonly appSlug: string;
  /** PEM, SPKI or PKCS#1. */
  readonly appPublicKey: string;
  readonly webhook: { readonly url: string; readonly secret: string } | null;
  /** Personal token to login. */
  readonly userTokens: Readonly<Record<string, string>>;
  /** How long an installation token lives. */
  readonly tokenTtlMs: number;
  /** Requests an hour for each installation and person. */
  readonly rateLimitPerHour: number;
  readonly maxPushBytes: number;
}

export interface World {
  readonly settings: Settings;
  readonly db: Database;
  readonly git: Git;
  readonly facts: PullFactsCache;
  readonly locks: RepositoryLocks;
  readonly hooks: WebhookSender;
  readonly faults: Faults;
  readonly rateLimits: RateLimits;
  /** Bounds how many requests are worked on at once, and tells when none is. */
  readonly requests: Gate;
  /** Bounds the git processes that serve clones and fetches. */
  readonly uploads: Gate;
  readonly nowMs: () => number;
  /** The server's own address, without a slash at the end. */
  readonly url: () => string;
}

/** The person who acts on the web pages. */
export const LOCAL_USER = "dana";

/** Now, as GitHub writes times: ISO 8601 in whole seconds. */
export const nowIso = (world: World) => isoSeconds(world.nowMs());
export const isoSeconds = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

export const storageRoot = (settings: Settings) => join(settings.dir, "repositories");
/** Pushes wait here, whole, before git sees them. */
export const incomingRoot = (settings: Settings) => join(settings.dir, "incoming");

export const gitOf = (world: World, repository: Repository) =>
  new BareRepository(world.git, join(storageRoot(world.settings), repository.storage));

/** The account the app writes as. */
export const botAccount = (world: World): Account =>
  ensureAccount(world.db, `${world.settings.appSlug}[bot]`, "Bot", nowIso(world));
