// What every change has in common: who does it, by which route, in which repository; and its line in the journal.
import type { BareRepository } from "../git/bare-repository.ts";
import type { Account } from "../store/accounts.ts";
import { type Entry, record } from "../store/journal.ts";
import { fullName, type Repository } from "../store/repositories.ts";
import type { World } from "../world.ts";

/** Callers hold the repository's lock. */
export interface Change {
  readonly world: World;
  readonly repository: Repository;
  readonly git: BareRepository;
  readonly actor: Account;
  /** The route or page action by which it came: what the journal calls it. */
  readonly route: string;
}

/** Journals an accepted change. Call inside its transaction. */
export const journal = ({ world, repository, actor, route }: Change, subject: Entry["subject"]) =>
  record(world.db, { atMs: world.nowMs(), route, actor: actor.login, repository: fullName(repository), subject });
