// `bun orchestrator/testing/simulate.ts [--seeds 1000] [--from 1] [--verbose]`: many seeds of the simulation; says which fail and why.

import { createLog } from "../log.ts";
import { simulate } from "./simulation.ts";

const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
};
const from = option("from", 1);
const seeds = option("seeds", 1_000);
const log = process.argv.includes("--verbose") ? createLog() : undefined;
const total = { seeds, failed: 0, steps: 0, kills: 0, pauses: 0, joins: 0, leaves: 0, jumps: 0, parked: 0, launches: 0 };
const startedAt = performance.now();
for (let seed = from; seed < from + seeds; seed++) {
  const result = await simulate(seed, log ? { log } : {});
  total.steps += result.steps;
  total.kills += result.kills;
  total.pauses += result.pauses;
  total.joins += result.joins;
  total.leaves += result.leaves;
  total.jumps += result.jumps;
  total.parked += result.parked;
  total.launches += result.launches;
  if (result.wrongs.length === 0) continue;
  total.failed++;
  console.log(`seed ${seed}: ${result.wrongs.slice(0, 6).join("\n  ")}`);
}
console.log(JSON.stringify({ ...total, tookMs: Math.round(performance.now() - startedAt) }));
process.exit(total.failed === 0 ? 0 : 1);
