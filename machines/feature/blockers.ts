// What a feature waits for, and what it builds on. Arithmetic only.

import { cut } from "../text.ts";
import type { Blocker, FeatureEvent } from "./feature-events.ts";

/** More than these are left out of the snapshot; when the kept ones are met the dependencies are read again. */
export const MAX_BLOCKERS = 20;
const MAX_BRANCH = 120;
const MAX_KEY = 40;

const bounded = (blocker: Blocker): Blocker => ({
  ...blocker,
  issueId: cut(blocker.issueId, MAX_KEY),
  key: cut(blocker.key, MAX_KEY),
  branch: blocker.branch === null ? null : cut(blocker.branch, MAX_BRANCH),
});

/** The blockers as a snapshot keeps them: unmet ones first, so that no unmet one is left out before a met one. */
export function keepBlockers(blockers: readonly Blocker[]): { blockers: readonly Blocker[]; moreBlockers: boolean } {
  const kept = [...unmetOf(blockers), ...blockers.filter(({ state }) => state === "met")].slice(0, MAX_BLOCKERS).map(bounded);
  return { blockers: kept, moreBlockers: blockers.length > kept.length };
}

export const unmetOf = (blockers: readonly Blocker[]): readonly Blocker[] => blockers.filter(({ state }) => state === "unmet");

export const areMet = (blockers: readonly Blocker[]): boolean => unmetOf(blockers).length === 0;

type Change = Extract<FeatureEvent, { type: "dependency.changed" }>;

/** The blockers after one of them changed; one that is not known changes nothing. */
export const afterChange = (blockers: readonly Blocker[], { feature, state, branch }: Change): readonly Blocker[] =>
  blockers.map((blocker) => (blocker.feature === feature ? bounded({ ...blocker, state, branch }) : blocker));

/** The one branch to stack a pull request on: null when no blocker, or more than one, waits to be merged. */
export function baseOf(blockers: readonly Blocker[]): string | null {
  const branches = blockers.flatMap(({ state, branch }) => (state === "met" && branch !== null ? [branch] : []));
  return branches.length === 1 ? (branches[0] ?? null) : null;
}

/** "OMA-2 → OMA-3 → OMA-2", closed whether or not the answer repeats the first key at the end. */
export function circleInWords(cycle: readonly string[]): string {
  const first = cycle[0] ?? "";
  const keys = cycle.length > 1 && cycle.at(-1) === first ? cycle : [...cycle, first];
  return keys.map((key) => cut(key, MAX_KEY)).join(" → ");
}
