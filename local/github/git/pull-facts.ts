// What git says about a pair of commits: mergeable, how many commits, how much changed. Both ids are immutable, so an answer never ages.
import type { BareRepository } from "./bare-repository.ts";
import { type DiffTotals, diffTotals } from "./diff.ts";
import { mergedTree } from "./merge.ts";

export interface PullFacts extends DiffTotals {
  /** Where the two histories part; the base itself when they have nothing in common. */
  readonly mergeBase: string;
  readonly commits: number;
  readonly mergeable: boolean;
}

const MAX_ENTRIES = 5_000;

export class PullFactsCache {
  readonly #known = new Map<string, Promise<PullFacts>>();

  of(git: BareRepository, base: string, head: string): Promise<PullFacts> {
    const key = `${git.dir} ${base} ${head}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const facts = gather(git, base, head);
    this.#known.set(key, facts);
    facts.catch(() => this.#known.delete(key));
    const oldest = this.#known.keys().next();
    if (this.#known.size > MAX_ENTRIES && !oldest.done) this.#known.delete(oldest.value);
    return facts;
  }
}

async function gather(git: BareRepository, base: string, head: string): Promise<PullFacts> {
  const mergeBase = (await git.mergeBase(base, head)) ?? base;
  const [totals, commits, tree] = await Promise.all([
    diffTotals(git, mergeBase, head),
    git.countCommits(base, head),
    mergedTree(git, base, head),
  ]);
  return { ...totals, mergeBase, commits, mergeable: tree !== null };
}
