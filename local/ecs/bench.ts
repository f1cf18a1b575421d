// How fast RunTask is answered: bursts of 50 at once, and one after the other, against a server process of its own, under the rate limit.
// Run it alone: `bun local/ecs/bench.ts`. The last line is one JSON object.
import { aProcess } from "./testing/process.ts";
import { CLUSTER, tempDir } from "./testing/world.ts";

const IN_FLIGHT = 50;
const BURSTS = 8;
const PAUSE_MS = 500;

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Milliseconds from the first byte sent to the whole answer, for each of `count` requests at once. */
async function burst(url: string, count: number, body: (index: number) => string, target: string): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const startedAtMs = performance.now();
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
        body: body(index),
      });
      const text = await response.text();
      if (!response.ok || !text.includes("Arn")) throw new Error(text);
      return performance.now() - startedAtMs;
    }),
  );
}

const dir = tempDir();
const server = await aProcess(dir.path, ["--vcpu", "1000", "--run-task-per-second", "1000"]);
try {
  await server.caller.define("quick", "exit 0");
  const ecs = "AmazonEC2ContainerServiceV20141113";
  const runTask = (prefix: string) => (index: number) =>
    JSON.stringify({
      cluster: CLUSTER,
      taskDefinition: "quick",
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
      clientToken: `${prefix}-${index}`,
      startedBy: `${prefix}-${index}`,
      overrides: { containerOverrides: [{ name: "agent", environment: [{ name: "OMAKASE_RUN", value: `${prefix}-${index}` }] }] },
    });
  const describe = () => JSON.stringify({ taskDefinition: "quick" });
  const launches: number[] = [];
  const reads: number[] = [];
  const alone: number[] = [];
  for (let round = -1; round < BURSTS; round++) {
    const launched = await burst(server.caller.url, IN_FLIGHT, runTask(`round-${round}`), `${ecs}.RunTask`);
    await Bun.sleep(PAUSE_MS); // what was launched runs and ends meanwhile
    const read = await burst(server.caller.url, IN_FLIGHT, describe, `${ecs}.DescribeTaskDefinition`);
    for (let index = 0; index < IN_FLIGHT; index++) {
      alone.push(...(await burst(server.caller.url, 1, () => runTask(`alone-${round}`)(index), `${ecs}.RunTask`)));
    }
    if (round < 0) continue; // the first is for the compiler
    launches.push(...launched);
    reads.push(...read);
  }
  launches.sort((a, b) => a - b);
  reads.sort((a, b) => a - b);
  alone.sort((a, b) => a - b);
  const metrics = {
    runTaskP50Ms: quantile(launches, 0.5),
    runTaskP99Ms: quantile(launches, 0.99),
    runTaskAloneP50Ms: quantile(alone, 0.5),
  };
  const calibration = { describeP50Ms: quantile(reads, 0.5), inFlight: IN_FLIGHT, requests: launches.length };
  console.log(
    `RunTask, ${IN_FLIGHT} in flight: p50 ${metrics.runTaskP50Ms.toFixed(2)} ms, p99 ${metrics.runTaskP99Ms.toFixed(2)} ms`,
  );
  console.log(JSON.stringify({ bench: "ecs", metrics, calibration }));
} finally {
  await server.kill("SIGTERM");
  dir.remove();
}
