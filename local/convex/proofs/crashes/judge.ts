// What went wrong in a run with crashes, told from what clients were told, what subscribers saw, and what is stored in the end.
//   every mutation exactly once · scheduled mutations once · actions at most once · subscriptions never go back · crons go on

/** One value a subscription showed after the other. */
export interface Watched<T> {
  readonly what: string;
  readonly values: readonly T[];
}

export interface Evidence {
  /** Keys of mutations clients were told are done, with the counter each was told. HTTP clients are told none. */
  readonly acknowledged: readonly { readonly key: string; readonly count: number | null }[];
  /** Keys of actions clients called themselves, and whether they were told it is done. */
  readonly actions: readonly { readonly key: string; readonly isDone: boolean }[];
  readonly stored: {
    /** Keys written by clients' mutations, by scheduled mutations (`job:<key>`), by actions. */
    readonly notes: readonly string[];
    readonly jobs: readonly string[];
    readonly acts: readonly string[];
    readonly noteCount: number;
    readonly ticks: number;
  };
  /** Keys whose mutation scheduled a mutation, and those that scheduled an action as well. */
  readonly scheduled: readonly string[];
  readonly scheduledActions: readonly string[];
  readonly counters: readonly Watched<number>[];
  readonly lists: readonly Watched<readonly string[]>[];
  /** The final content of each watched list, in its order. */
  readonly finalLists: Readonly<Record<string, readonly string[]>>;
  readonly ticksAfterEachStart: readonly number[];
  readonly elapsedMs: number;
}

/** Every complaint, in words; none when all is well. */
export function judge(evidence: Evidence): string[] {
  const { acknowledged, actions, stored, scheduled, scheduledActions } = evidence;
  const complaints: string[] = [];
  const complain = (keys: readonly string[], what: string) => {
    if (keys.length > 0)
      complaints.push(`${what}: ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ` and ${keys.length - 5} more` : ""}`);
  };
  const keys = acknowledged.map(({ key }) => key);
  complain(twice(stored.notes), "mutations applied twice");
  complain(missing(keys, stored.notes), "acknowledged mutations that are gone");
  complain(missing(stored.notes, keys), "mutations applied that nobody was told of, though every client waited for its answer");
  complain(twice(acknowledged.flatMap(({ count }) => (count === null ? [] : [String(count)]))), "counts told to two mutations");
  if (stored.noteCount !== stored.notes.length)
    complaints.push(`the counter says ${stored.noteCount}, ${stored.notes.length} rows are there`);

  const jobs = scheduled.map((key) => `job:${key}`);
  complain(twice(stored.jobs), "scheduled mutations that ran twice");
  complain(missing(jobs, stored.jobs), "scheduled mutations that never ran");
  complain(missing(stored.jobs, jobs), "scheduled mutations nobody scheduled");

  complain(twice(stored.acts), "actions that ran twice");
  const known = [...scheduledActions.map((key) => `act:${key}`), ...actions.map(({ key }) => key)];
  complain(missing(stored.acts, known), "actions nobody asked for");
  complain(
    missing(
      actions.filter(({ isDone }) => isDone).map(({ key }) => key),
      stored.acts,
    ),
    "actions told done whose effect is gone",
  );

  for (const { what, values } of evidence.counters) {
    const back = values.findIndex((value, at) => at > 0 && value < (values[at - 1] ?? 0));
    if (back !== -1) complaints.push(`${what} went back from ${values[back - 1]} to ${values[back]}`);
  }
  for (const { what, values } of evidence.lists) {
    const [final = []] = [evidence.finalLists[what]];
    const wrong = values.findIndex((list, at) => !startsWith(values[at + 1] ?? final, list));
    if (wrong !== -1) complaints.push(`${what} showed ${values[wrong]?.length} entries, of which some were not there later`);
  }
  const stuck = evidence.ticksAfterEachStart.findIndex((ticks, at, all) => ticks < (all[at - 1] ?? 0));
  if (stuck !== -1) complaints.push(`ticks went back at start ${stuck}`);
  if (stored.ticks <= (evidence.ticksAfterEachStart.at(-1) ?? 0)) complaints.push("crons stopped after the last start");
  if (stored.ticks > evidence.elapsedMs / 1000 + 2)
    complaints.push(`${stored.ticks} ticks of a second each in ${evidence.elapsedMs} ms`);
  return complaints;
}

const twice = (keys: readonly string[]): string[] => {
  const seen = new Set<string>();
  return keys.filter((key) => seen.size === seen.add(key).size);
};
const missing = (wanted: readonly string[], there: readonly string[]): string[] => {
  const set = new Set(there);
  return wanted.filter((key) => !set.has(key));
};
const startsWith = (list: readonly string[], beginning: readonly string[]): boolean =>
  beginning.length <= list.length && beginning.every((key, at) => list[at] === key);
