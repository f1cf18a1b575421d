// Longer runs, by hand:  bun proofs/crashes/run.ts [kills = 100] [seed = random]
import { judge } from "./judge.ts";
import { runCrashes } from "./run-crashes.ts";

const [kills = "100", chosen] = process.argv.slice(2);
const seed = chosen === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(chosen);
const { evidence } = await runCrashes({ kills: Number(kills), seed });
const complaints = judge(evidence);
const { stored, actions, counters, lists, elapsedMs } = evidence;
console.log(
  JSON.stringify({
    seed,
    kills: Number(kills),
    seconds: Math.round(elapsedMs / 1000),
    mutations: stored.notes.length,
    scheduledMutations: stored.jobs.length,
    actions: stored.acts.length,
    actionsCutOff: actions.filter(({ isDone }) => !isDone).length,
    ticks: stored.ticks,
    updates: [...counters, ...lists].map(({ what, values }) => [what, values.length]),
    complaints,
  }),
);
process.exitCode = complaints.length === 0 ? 0 : 1;
