// What is there on the first start: organisations with the app installed, people, and repositories made from folders.
// Safe to repeat: what exists already is left as it is, so a restart never undoes anybody's work.
import { randomUUID } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "./errors.ts";
import type { BareRepository } from "./git/bare-repository.ts";
import { isAccountName } from "./git/names.ts";
import { createRepository } from "./operations/create-repository.ts";
import { type Account, ensureAccount, ensureInstallation, findAccount } from "./store/accounts.ts";
import { findRepository } from "./store/repositories.ts";
import { botAccount, incomingRoot, LOCAL_USER, nowIso, type World } from "./world.ts";

export interface SeedRepository {
  /** `owner/name`; the owner becomes an organisation with the app installed. */
  readonly repository: string;
  readonly description?: string;
  /** A folder whose files become the first commit; without it the repository starts with nothing but a README. */
  readonly from?: string;
}

/** Fixed, so that the same folder gives the same commit id on every machine. */
const FIRST_COMMIT_DATE = "2026-01-01T00:00:00Z";

/** @throws {StartError} for a name that is no name, or a folder that is not there */
export async function seed(
  world: World,
  organisations: readonly string[],
  repositories: readonly SeedRepository[],
): Promise<void> {
  botAccount(world);
  for (const login of [LOCAL_USER, ...Object.values(world.settings.userTokens)]) account(world, login, "User");
  for (const login of organisations) ensureInstallation(world.db, account(world, login, "Organization"), nowIso(world));
  for (const wanted of repositories) await seedRepository(world, wanted);
}

function account(world: World, login: string, type: Account["type"]): Account {
  if (!isAccountName(login))
    throw new StartError("BAD_SEED", `"${login}" cannot be an account name: letters, digits and single hyphens only.`);
  const known = findAccount(world.db, login);
  if (known !== null && known.type !== type)
    throw new StartError("BAD_SEED", `"${login}" is a ${known.type} already and cannot be a ${type} too.`);
  return ensureAccount(world.db, login, type, nowIso(world));
}

async function seedRepository(world: World, wanted: SeedRepository): Promise<void> {
  const [ownerLogin = "", name = "", ...rest] = wanted.repository.split("/");
  if (name === "" || rest.length > 0) throw new StartError("BAD_SEED", `"${wanted.repository}" is not of the form owner/name.`);
  if (findRepository(world.db, ownerLogin, name) !== null) return;
  const { from } = wanted;
  if (from !== undefined && !(await stat(from).catch(() => null))?.isDirectory()) {
    throw new StartError("BAD_SEED", `The folder ${from} for ${wanted.repository} is not there.`);
  }
  await createRepository(world, {
    owner: account(world, ownerLogin, "Organization"),
    name,
    description: wanted.description ?? null,
    private: true,
    actor: botAccount(world),
    route: "seed",
    firstCommit: (git) => firstCommit(world, git, wanted),
  });
}

async function firstCommit(world: World, git: BareRepository, { from, repository }: SeedRepository): Promise<string> {
  const signature = { name: "Omakase", email: "omakase@users.noreply.github.com", date: FIRST_COMMIT_DATE };
  const tree = from === undefined ? await readmeTree(git, repository) : await folderTree(world, git, from);
  return git.writeCommit({ tree, parents: [], message: "Initial commit\n", author: signature, committer: signature });
}

async function readmeTree(git: BareRepository, title: string): Promise<string> {
  const blob = (await git.git(["hash-object", "-w", "--stdin"], { stdin: `# ${title}\n` })).text;
  return (await git.git(["mktree"], { stdin: `100644 blob ${blob}\tREADME.md\n` })).text;
}

/** The tree of a folder, leaving out what its .gitignore does. */
async function folderTree(world: World, git: BareRepository, from: string): Promise<string> {
  const index = join(incomingRoot(world.settings), `${randomUUID()}.index`);
  const env = { GIT_INDEX_FILE: index, GIT_WORK_TREE: from };
  try {
    await git.git(["add", "--all", "--", from], { env });
    return (await git.git(["write-tree"], { env })).text;
  } finally {
    await rm(index, { force: true });
  }
}
