// Changes of branches and tags, and everything that follows from one: push events, pull requests that move, merge, close or are retargeted.
//   R1. Whoever changes refs stores an intent first, then changes git, then settles; the repository's lock is held throughout.
//   R2. Settling compares git with what was last announced, so it is safe to repeat: after a crash the intent is found, and the same
//       code tells what git really holds. A push or merge is therefore announced once, whenever it happened.
//   R3. Journal, announced refs, pull requests and deliveries of one settling are one transaction.
import type { Commit } from "../git/bare-repository.ts";
import { ZERO_SHA } from "../git/names.ts";
import { accountShape } from "../shapes/account.ts";
import { accountOf } from "../store/accounts.ts";
import type { Entry } from "../store/journal.ts";
import {
  announcedRefs,
  announceRef,
  clearIntent,
  fullName,
  intentOf,
  type RefIntent,
  repositoryById,
  storeIntent,
  unsettledRepositories,
} from "../store/repositories.ts";
import { emit } from "../webhooks/events.ts";
import { gitOf, nowIso, type World } from "../world.ts";
import { type Change, journal } from "./change.ts";
import { applyConsequences, consequencesOf } from "./ref-consequences.ts";

/** GitHub lists no more commits than this in a push event; neither do we ask git for more. */
const MAX_PUSH_COMMITS = 20;

export interface RefChange {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

interface MergeIntent {
  readonly pullId: number;
  readonly sha: string;
  readonly method: string;
}

/** Runs `work`, which changes refs in git, and announces what it changed, also when it fails half-way (R1). */
export async function changingRefs<Result>(change: Change, work: () => Promise<Result>, merge?: MergeIntent): Promise<Result> {
  const { world, repository, actor, route } = change;
  await settle(world, repository.id); // an earlier settling may have failed: its intent must not be overwritten
  storeIntent(world.db, {
    repositoryId: repository.id,
    actorId: actor.id,
    route,
    pullId: merge?.pullId ?? null,
    mergeSha: merge?.sha ?? null,
    mergeMethod: merge?.method ?? null,
  });
  try {
    return await work();
  } finally {
    await settle(world, repository.id);
  }
}

/**
 * Announces refs that moved without an intent. The git process of a push outlives a killed server by a moment, and may move a
 * branch after the restart has settled; the caller whose push got no answer asks again, and that is when this is called.
 */
export async function announceStrays(change: Change): Promise<void> {
  const known = announcedRefs(change.world.db, change.repository.id);
  if (differences(known, await change.git.refs()).length > 0) await changingRefs(change, () => Promise.resolve());
}

/** Announces what changed before this process started. Call once, before anybody is served (R2). */
export async function settleAll(world: World): Promise<void> {
  for (const repositoryId of unsettledRepositories(world.db)) await settle(world, repositoryId);
}

async function settle(world: World, repositoryId: number): Promise<void> {
  const repository = repositoryById(world.db, repositoryId);
  const intent = intentOf(world.db, repositoryId);
  if (repository === null || intent === null) return;
  const git = gitOf(world, repository);
  const change: Change = { world, repository, git, actor: accountOf(world.db, intent.actorId), route: intent.route };
  const actual = await git.refs();
  const refChanges = differences(announcedRefs(world.db, repositoryId), actual);
  const pushes = await Promise.all(refChanges.map(async (ref) => ({ ref, payload: await pushPayload(change, ref) })));
  const consequences = await consequencesOf(change, refChanges, actual, intent);
  world.db.transaction(() => {
    for (const { ref, payload } of pushes) {
      announceRef(world.db, repositoryId, ref.name, ref.after, nowIso(world));
      journal(change, { ref: ref.name, before: ref.before, after: ref.after, ...mergeSubject(world, intent) });
      emit(world, { event: "push", action: null, repository, sender: change.actor, payload });
    }
    applyConsequences(change, consequences);
    clearIntent(world.db, repositoryId);
  })();
}

function differences(known: ReadonlyMap<string, string>, actual: ReadonlyMap<string, string>): RefChange[] {
  const names = [...new Set([...known.keys(), ...actual.keys()])].sort();
  return names
    .map((name) => ({ name, before: known.get(name) ?? null, after: actual.get(name) ?? null }))
    .filter(({ before, after }) => before !== after);
}

const mergeSubject = (world: World, intent: RefIntent): Entry["subject"] => {
  if (intent.pullId === null) return {};
  const pull = world.db.query<{ number: number }, [number]>("SELECT number FROM pulls WHERE id = ?").get(intent.pullId);
  return { number: pull?.number ?? null, method: intent.mergeMethod };
};

async function pushPayload(change: Change, ref: RefChange): Promise<Record<string, unknown>> {
  const { world, repository, git, actor } = change;
  const commits = await newCommits(change, ref);
  const shapes = commits.map((commit) => pushedCommit(world.url(), fullName(repository), commit));
  const forced = ref.before !== null && ref.after !== null && !(await git.isAncestor(ref.before, ref.after));
  const before = ref.before ?? ZERO_SHA;
  const after = ref.after ?? ZERO_SHA;
  return {
    ref: ref.name,
    before,
    after,
    created: ref.before === null,
    deleted: ref.after === null,
    forced,
    base_ref: null,
    compare: `${world.url()}/${fullName(repository)}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: shapes,
    head_commit: shapes.at(-1) ?? null,
    pusher: { name: accountShape(world, actor).login, email: null },
  };
}

/** What a push brought to a branch, oldest first; of a new branch, what the default branch has not. */
async function newCommits({ repository, git }: Change, ref: RefChange): Promise<Commit[]> {
  if (ref.after === null || !ref.name.startsWith("refs/heads/")) return [];
  const without = ref.before ?? (await git.branch(repository.defaultBranch)) ?? undefined;
  const hasOld = without !== undefined && (await git.object(without)) !== null;
  const newest = await git.log(ref.after, { limit: MAX_PUSH_COMMITS, ...(hasOld ? { without } : {}) });
  return newest.reverse();
}

function pushedCommit(url: string, name: string, commit: Commit) {
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${url}/${name}/commit/${commit.sha}`,
    author: { name: commit.author.name, email: commit.author.email },
    committer: { name: commit.committer.name, email: commit.committer.email },
  };
}
