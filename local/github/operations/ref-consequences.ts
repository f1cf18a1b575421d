// What a change of branches means for open pull requests. First asked of git (slow, no writes), then applied in the settling transaction.
//   C1. A head that moved is synchronised; a head that went, or has nothing left to merge, closes its pull request.
//   C2. A base that now holds the head means merged, whoever put it there.
//   C3. A base that went after being merged itself hands its pull requests on to its own base; otherwise they are closed.
import type { PullFacts } from "../git/pull-facts.ts";
import { lastMergedFrom, openPullFor, openPulls, type Pull, patchPull } from "../store/pulls.ts";
import type { RefIntent } from "../store/repositories.ts";
import { nowIso } from "../world.ts";
import type { Change } from "./change.ts";
import type { RefChange } from "./refs.ts";
import { tellPull } from "./tell-pull.ts";

export type Consequence = { readonly pull: Pull } & (
  | { readonly kind: "base-moved"; readonly baseSha: string }
  | { readonly kind: "synchronized"; readonly headSha: string; readonly baseSha: string; readonly facts: PullFacts }
  | { readonly kind: "merged"; readonly headSha: string; readonly mergeSha: string; readonly facts: PullFacts }
  | { readonly kind: "closed"; readonly facts: PullFacts }
  | { readonly kind: "retargeted"; readonly baseRef: string; readonly baseSha: string; readonly facts: PullFacts }
);

type Refs = ReadonlyMap<string, string>;
const branch = (name: string) => `refs/heads/${name}`;

/** Reads only. Also keeps `refs/pull/N/head`, which holds a pull request's commits when its branch is gone. */
export async function consequencesOf(
  change: Change,
  refChanges: readonly RefChange[],
  actual: Refs,
  intent: RefIntent,
): Promise<Consequence[]> {
  const changed = new Set(refChanges.map((ref) => ref.name));
  const touched = openPulls(change.world.db, change.repository.id).filter(
    (pull) => changed.has(branch(pull.headRef)) || changed.has(branch(pull.baseRef)),
  );
  const held = new Map<string, Promise<ReadonlySet<string>>>();
  const tipsIn = (commit: string) => {
    const known = held.get(commit) ?? change.git.branchTipsIn(commit);
    held.set(commit, known);
    return known;
  };
  const consequences: Consequence[] = [];
  for (const pull of touched) consequences.push(await consequenceFor(change, pull, { actual, intent, tipsIn }));
  return consequences;
}

interface After {
  readonly actual: Refs;
  readonly intent: RefIntent;
  /** Asked once for each base, however many pull requests it has. */
  readonly tipsIn: (commit: string) => Promise<ReadonlySet<string>>;
}

async function consequenceFor(change: Change, pull: Pull, { actual, intent, tipsIn }: After): Promise<Consequence> {
  const { world, git } = change;
  const headSha = actual.get(branch(pull.headRef));
  const baseSha = actual.get(branch(pull.baseRef));
  const oldFacts = () => world.facts.of(git, pull.baseSha, pull.headSha);
  if (baseSha !== undefined && baseSha !== pull.baseSha && intent.pullId === pull.id && intent.mergeSha !== null) {
    if (await git.isAncestor(intent.mergeSha, baseSha)) {
      return { kind: "merged", pull, headSha: pull.headSha, mergeSha: intent.mergeSha, facts: await oldFacts() };
    }
  }
  if (headSha === undefined) return { kind: "closed", pull, facts: await oldFacts() };
  if (headSha !== pull.headSha) await git.updateRef(`refs/pull/${pull.number}/head`, headSha);
  if (baseSha === undefined) return withoutBase(change, pull, headSha, actual);
  if ((await tipsIn(baseSha)).has(headSha)) {
    const wasThere = await git.isAncestor(headSha, pull.baseSha);
    if (wasThere) return { kind: "closed", pull, facts: await oldFacts() };
    return { kind: "merged", pull, headSha, mergeSha: headSha, facts: await world.facts.of(git, pull.baseSha, headSha) };
  }
  if (headSha === pull.headSha) return { kind: "base-moved", pull, baseSha };
  return { kind: "synchronized", pull, headSha, baseSha, facts: await world.facts.of(git, baseSha, headSha) };
}

async function withoutBase({ world, git, repository }: Change, pull: Pull, headSha: string, actual: Refs): Promise<Consequence> {
  const baseRef = lastMergedFrom(world.db, repository.id, pull.baseRef)?.baseRef;
  const baseSha = baseRef === undefined ? undefined : actual.get(branch(baseRef));
  const taken = baseRef !== undefined && openPullFor(world.db, repository.id, pull.headRef, baseRef) !== null;
  if (baseRef === undefined || baseSha === undefined || taken) {
    return { kind: "closed", pull, facts: await world.facts.of(git, pull.baseSha, pull.headSha) };
  }
  return { kind: "retargeted", pull, baseRef, baseSha, facts: await world.facts.of(git, baseSha, headSha) };
}

/** Writes and tells. Call inside the settling transaction. */
export function applyConsequences(change: Change, consequences: readonly Consequence[]): void {
  for (const consequence of consequences) apply(change, consequence);
}

function apply(change: Change, consequence: Consequence): void {
  const { world, actor } = change;
  const { db } = world;
  const { pull } = consequence;
  const at = nowIso(world);
  switch (consequence.kind) {
    case "base-moved":
      patchPull(db, pull, { baseSha: consequence.baseSha }, pull.updatedAt);
      return;
    case "synchronized": {
      const { headSha, baseSha, facts } = consequence;
      const next = patchPull(db, pull, { headSha, baseSha }, at);
      tellPull(change, "synchronize", next, facts, { before: pull.headSha, after: headSha });
      return;
    }
    case "merged": {
      const { headSha, mergeSha, facts } = consequence;
      const next = patchPull(
        db,
        pull,
        { state: "closed", headSha, mergeSha, mergedById: actor.id, mergedAt: at, closedAt: at },
        at,
      );
      tellPull(change, "closed", next, facts);
      return;
    }
    case "closed":
      tellPull(change, "closed", patchPull(db, pull, { state: "closed", closedAt: at }, at), consequence.facts);
      return;
    case "retargeted": {
      const { baseRef, baseSha, facts } = consequence;
      const next = patchPull(db, pull, { baseRef, baseSha }, at);
      const changes = { base: { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } } };
      tellPull(change, "edited", next, facts, { changes });
      return;
    }
    default:
      consequence satisfies never;
  }
}
