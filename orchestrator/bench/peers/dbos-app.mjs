// What DBOS runs for `bun run bench:peers`: DATABASE and MODE in the environment. As `perf` it makes WARM_STEPS, then measures and says
// one line of JSON; as `sleep` it begins sleepers that sleep SLEEP_MS and says "asleep" for each; as `recover` it says "resumed" for
// each that wakes.

import { DBOS } from "@dbos-inc/dbos-sdk";

const SLEEPERS = 1_000;
const say = (line) => process.stdout.write(`${line}\n`);

const steps = DBOS.registerWorkflow(
  async (count) => {
    for (let step = 0; step < count; step++) await DBOS.runStep(async () => step, { name: `step ${step}` });
  },
  { name: "steps" },
);
const sleep = DBOS.registerWorkflow(
  async (ms) => {
    await DBOS.runStep(async () => say("asleep"), { name: "asleep" });
    await DBOS.sleep(ms);
    await DBOS.runStep(async () => say("resumed"), { name: "resumed" });
  },
  { name: "sleep" },
);

async function eachAtOnce(count, atOnce, run) {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let index = next++; index < count; index = next++) await run(index);
    }),
  );
}

async function rate(workflows, atOnce, stepsEach) {
  const startedAt = performance.now();
  await eachAtOnce(workflows, atOnce, () => steps(stepsEach));
  return Math.round((workflows * stepsEach * 1000) / (performance.now() - startedAt));
}

DBOS.setConfig({
  name: "peers",
  applicationVersion: "1",
  systemDatabaseUrl: process.env.DATABASE,
  systemDatabasePoolSize: 20,
  logLevel: "error",
});
await DBOS.launch();
switch (process.env.MODE) {
  case "perf":
    await rate(Number(process.env.WARM_STEPS) / 10, 64, 10);
    say(JSON.stringify({ steps1: await rate(1, 1, 1_000), steps64: await rate(1_000, 64, 10) }));
    process.exit();
    break;
  case "sleep":
    await eachAtOnce(SLEEPERS, 64, (index) =>
      DBOS.startWorkflow(sleep, { workflowID: `sleeper-${index}` })(Number(process.env.SLEEP_MS)),
    );
    break;
}
setInterval(() => {}, 1_000_000);
