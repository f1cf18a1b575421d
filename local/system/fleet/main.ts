// `bun local/system/fleet/main.ts [--runs 100] [--deploys 20] [--deaths 3]`: several orchestrators, one of which is stopped beyond its
// lease and goes on, again and again; rolling deploys under load; and how long the others need when one is killed, with the lease
// as it is in production. Ends with 1 when anything was lost or done twice. The last line is JSON.

import { findDoubles } from "../journals.ts";
import { rollingDeploys } from "./deploys.ts";
import { Fleet } from "./fleet.ts";
import { pausedOwner } from "./paused-owner.ts";

const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
};
const percentile = (values: readonly number[], share: number) =>
  Math.round([...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0);

const [runs, deploys, deaths] = [option("runs", 100), option("deploys", 20), option("deaths", 3)];
const faults: string[] = [];
const metrics: Record<string, number> = {};

if (runs > 0) {
  const fleet = await Fleet.start({ leaseTtlMs: 1_200 });
  try {
    await fleet.join();
    await fleet.join();
    let harmed = 0;
    for (let run = 1; run <= runs; run++) {
      const found = await pausedOwner(fleet, run);
      harmed += found.length > 0 ? 1 : 0;
      faults.push(...found.map((fault) => `run ${run}: ${fault}`));
      console.error(`run ${run}: ${found.length === 0 ? "as it should" : found.join("; ")}`);
    }
    metrics.pausedRuns = runs;
    metrics.pausedRunsWithHarm = harmed;
  } finally {
    await fleet.end();
  }
}
if (deploys + deaths > 0) {
  const fleet = await Fleet.start();
  try {
    await fleet.join();
    await fleet.join();
    await fleet.shared();
    if (deploys > 0) {
      const { handOverMs, deliveries, refused, answerP99Ms, faults: found } = await rollingDeploys(fleet, deploys);
      faults.push(...refused, ...found);
      metrics.deploys = handOverMs.length;
      metrics.deliveries = deliveries;
      metrics.refused = refused.length;
      metrics.answerP99Ms = Math.round(answerP99Ms);
      metrics.handOverP50Ms = percentile(handOverMs, 0.5);
      metrics.handOverP99Ms = percentile(handOverMs, 0.99);
    }
    const takeOverMs: number[] = [];
    for (let death = 0; death < deaths; death++) {
      takeOverMs.push(await fleet.kill(fleet.worker));
      await fleet.join();
      await fleet.shared();
    }
    if (deaths > 0) metrics.takeoverMs = percentile(takeOverMs, 1);
    faults.push(...(await findDoubles(fleet.stack.launch)));
  } finally {
    await fleet.end();
  }
}
for (const fault of faults) console.error(fault);
console.log(JSON.stringify({ bench: "fleet", metrics }));
process.exit(faults.length === 0 ? 0 : 1);
