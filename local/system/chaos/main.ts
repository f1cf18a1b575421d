// `bun run chaos [--kills 1000] [--seconds 720] [--projects 3] [--seed n] [--trail file]`: real processes killed until so many deaths
// are done or so much time has passed; then a check of the tables and of the far ends. Prints the seed first, the report last, as one
// line of JSON; ends with 1 when anything is wrong.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runChaos } from "./run.ts";

const USAGE = "bun run chaos [--kills 1000] [--seconds 720] [--projects 3] [--seed 1] [--trail chaos.jsonl]";
/** In a run this long every kill point must have been passed. */
const LONG_RUN_KILLS = 300;
/** With what comes before and after it, a run ends within a quarter of an hour. */
const LONGEST_S = 720;

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    kills: { type: "string" },
    seconds: { type: "string" },
    projects: { type: "string" },
    seed: { type: "string" },
    trail: { type: "string" },
  },
});
const whole = (name: "kills" | "seconds" | "projects" | "seed", otherwise: number): number => {
  const value = values[name] === undefined ? otherwise : Number(values[name]);
  if (Number.isInteger(value) && value >= 1) return value;
  console.error(`--${name} takes a whole number from 1. Usage: ${USAGE}`);
  process.exit(2);
};
const seed = whole("seed", 1 + Math.floor(Math.random() * 2 ** 31));
// With a time only, deaths do not end it; with neither, a thousand deaths do.
const kills = values.kills === undefined && values.seconds !== undefined ? Number.POSITIVE_INFINITY : whole("kills", 1_000);
const seconds = whole("seconds", LONGEST_S);
const projects = whole("projects", 3);
const trailFile = values.trail ?? join(tmpdir(), `omakase-chaos-${seed}.jsonl`);
console.log(`seed ${seed}; trail ${trailFile}`);

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
const report = await runChaos({ seed, kills, seconds, projects, trailFile }, stopped.signal).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
});
const wrong = [
  ...report.violations,
  ...report.unrest.map((moving) => `never came to rest: ${moving}`),
  ...(report.kills >= LONG_RUN_KILLS ? report.unvisited.map((point) => `nobody ever came past ${point}`) : []),
];
if (report.kills < kills && Number.isFinite(kills))
  console.log(`the ${seconds} s were over after ${report.kills} of ${kills} deaths`);
for (const one of wrong) console.log(`WRONG ${one}`);
console.log(JSON.stringify(report));
process.exit(wrong.length === 0 ? 0 : 1);
