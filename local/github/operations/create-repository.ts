// Makes a repository: first whole on disk, then known. A crash in between leaves a folder nobody names, swept at the next start.
import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { validationFailed } from "../errors.ts";
import { BareRepository } from "../git/bare-repository.ts";
import { isRepositoryName } from "../git/names.ts";
import { type Account, ensureInstallation } from "../store/accounts.ts";
import { record } from "../store/journal.ts";
import {
  announceRef,
  findRepository,
  fullName,
  insertRepository,
  listRepositories,
  type Repository,
} from "../store/repositories.ts";
import { isoSeconds, nowIso, storageRoot, type World } from "../world.ts";

export interface NewRepository {
  readonly owner: Account;
  readonly name: string;
  readonly description: string | null;
  readonly private: boolean;
  readonly actor: Account;
  readonly route: string;
  /** Makes the first commit and returns its id; without it the repository stays empty. */
  readonly firstCommit: ((git: BareRepository) => Promise<string>) | null;
}

const DEFAULT_BRANCH = "main";

/** @throws {GitHubError} 422 for a name that is taken or not a name */
export async function createRepository(world: World, input: NewRepository): Promise<Repository> {
  const refuse = (message: string) => validationFailed({ resource: "Repository", code: "custom", field: "name", message });
  if (!isRepositoryName(input.name)) throw refuse("name can only contain ASCII letters, digits, and the characters ., -, and _");
  const storage = `${randomUUID()}.git`;
  const git = new BareRepository(world.git, join(storageRoot(world.settings), storage));
  await git.create(DEFAULT_BRANCH);
  const first = (await input.firstCommit?.(git)) ?? null;
  if (first !== null) await git.updateRef(`refs/heads/${DEFAULT_BRANCH}`, first);
  const at = nowIso(world);
  const taken = () => findRepository(world.db, input.owner.login, input.name) !== null;
  const repository = world.db.transaction(() => {
    if (taken()) return null;
    ensureInstallation(world.db, input.owner, at);
    const { owner, name, description } = input;
    const stored = insertRepository(world.db, {
      ownerId: owner.id,
      name,
      storage,
      description,
      private: input.private,
      defaultBranch: DEFAULT_BRANCH,
      at,
    });
    if (first !== null) announceRef(world.db, stored.id, `refs/heads/${DEFAULT_BRANCH}`, first, at);
    record(world.db, {
      atMs: world.nowMs(),
      route: input.route,
      actor: input.actor.login,
      repository: fullName(stored),
      subject: { repository: stored.id, sha: first },
    });
    return stored;
  })();
  if (repository !== null) return repository;
  await rm(git.dir, { recursive: true, force: true });
  throw refuse("name already exists on this account");
}

/** The commit GitHub makes for `auto_init`. */
export async function readmeCommit(
  world: World,
  git: BareRepository,
  title: string,
  description: string | null,
): Promise<string> {
  const blob = (
    await git.git(["hash-object", "-w", "--stdin"], { stdin: `# ${title}\n${description === null ? "" : `\n${description}\n`}` })
  ).text;
  const tree = (await git.git(["mktree"], { stdin: `100644 blob ${blob}\tREADME.md\n` })).text;
  const signature = { name: "GitHub", email: "noreply@github.com", date: isoSeconds(world.nowMs()) };
  return git.writeCommit({ tree, parents: [], message: "Initial commit\n", author: signature, committer: signature });
}

/** Removes folders of repositories whose creation was cut off. Call once, before anybody is served. */
export async function sweepOrphans(world: World): Promise<void> {
  const known = new Set(listRepositories(world.db).map((repository) => repository.storage));
  for (const name of await readdir(storageRoot(world.settings))) {
    if (!known.has(name)) await rm(join(storageRoot(world.settings), name), { recursive: true, force: true });
  }
}
