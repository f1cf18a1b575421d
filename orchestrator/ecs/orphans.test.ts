// Tasks that nobody wants, against local/ecs: real processes that run, and what becomes of them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { aServer, type Caller, CLUSTER } from "@omakase/local-ecs/testing/world";
import { startedBy } from "../actors/effect-tokens.ts";
import { runCode } from "../agents/run-code.ts";
import type { RepairOf } from "../repairs.ts";
import { aConvex, aLog } from "../testing/edge.ts";
import { createOrphanSweep } from "./orphans.ts";

const SECRET = "a secret of this test, long enough";
const AGENT = "omakase/sample/oma-1/coder-1";

let caller: Caller;
let end: () => Promise<void>;
beforeAll(async () => {
  ({ caller, end } = await aServer({ vcpu: 100, runTaskPerSecond: 1_000 }));
  await caller.define("sleeper", "sleep 30");
});
afterAll(() => end());

let runs = 0;
/** A task as we launch it; `secret` is another deployment's when given. */
async function aTask(secret = SECRET) {
  const run = `${AGENT}:${++runs}:0`;
  const environment = [
    { name: "OMAKASE_RUN", value: run },
    { name: "OMAKASE_CODE", value: runCode(secret, run) },
  ];
  const overrides = { containerOverrides: [{ name: "agent", environment }] };
  const { taskArn } = await caller.runOne("sleeper", { startedBy: startedBy(run), overrides });
  await caller.reaches(taskArn, "RUNNING");
  return { run, taskArn };
}

/** What memory says of each run; a run it does not name is unknown to it. */
function setup(known: Record<string, { over?: string | null; taskArn?: string | null }> = {}, isOurs = () => true) {
  const recorded: RepairOf[] = [];
  const told: string[] = [];
  const { caller: convex } = aConvex({
    "reconcile:tasks": ({ startedBy: names }) =>
      (names as string[]).map((name) => {
        const run = Object.keys(known).find((one) => startedBy(one) === name);
        if (run === undefined) return null;
        return { startedBy: name, run, agent: AGENT, project: "omakase/sample", taskArn: null, over: null, ...known[run] };
      }),
    "ecs:receive": ({ events }) => {
      for (const { taskArn } of events as { taskArn: string }[]) told.push(taskArn);
      return { told: 1, dropped: 0, unknown: [] };
    },
  });
  const repairs = { record: async (repair: RepairOf) => void recorded.push(repair) };
  const sweep = createOrphanSweep({
    ecs: caller.ecs,
    cluster: CLUSTER,
    ...{ secret: SECRET, convex, repairs, log: aLog().log, isOurs },
  });
  return { sweep, recorded, told };
}
const statusOf = async (taskArn: string) => (await caller.describe(taskArn)).desiredStatus;
const stopAll = async (...tasks: { taskArn: string }[]) => {
  for (const { taskArn } of tasks) await caller.fault({ target: "spot", task: taskArn, graceMs: 0 });
  for (const { taskArn } of tasks) await caller.reaches(taskArn, "STOPPED");
};

describe("a running task", () => {
  test("O2, O4: that nobody knows is stopped at the third sweep, with a reason, and recorded once", async () => {
    const { run, taskArn } = await aTask();
    const { sweep, recorded } = setup();
    expect([await sweep(), await sweep(), await statusOf(taskArn)]).toEqual([0, 0, "RUNNING"]);
    expect(await sweep()).toBe(1);
    const stopped = await caller.reaches(taskArn, "STOPPED");
    expect(stopped.stoppedReason).toContain("Omakase: nobody wants this task: No run of this name is known");
    expect(recorded).toMatchObject([{ kind: "orphanStopped", subject: taskArn, actor: AGENT }]);
    expect(await sweep()).toBe(0);
    expect(run).toStartWith(AGENT);
  });

  test("O2: that memory comes to know again in between is left alone: the launch was asked for again under its own name", async () => {
    const task = await aTask();
    const known: Record<string, object> = {};
    const { sweep } = setup(known);
    await sweep();
    await sweep();
    known[task.run] = { taskArn: task.taskArn };
    for (let time = 0; time < 4; time++) expect(await sweep()).toBe(0);
    expect(await statusOf(task.taskArn)).toBe("RUNNING");
    await stopAll(task);
  });

  test("O3: whose agent does not know of it is told to the agent, and recorded", async () => {
    const task = await aTask();
    const { sweep, recorded, told } = setup({ [task.run]: {} });
    expect(await sweep()).toBe(1);
    expect([told, recorded.map(({ kind }) => kind)]).toEqual([[task.taskArn], ["taskAdopted"]]);
    expect(await statusOf(task.taskArn)).toBe("RUNNING");
    await stopAll(task);
  });

  test("whose agent has ended is stopped, and so is a second one of a run that has another", async () => {
    const [over, second] = [await aTask(), await aTask()];
    const { sweep, recorded } = setup({ [over.run]: { over: "Cancelled by Dana" }, [second.run]: { taskArn: "arn:other" } });
    for (let time = 0; time < 3; time++) await sweep();
    for (const { taskArn } of [over, second]) await caller.reaches(taskArn, "STOPPED");
    expect(recorded.map(({ what }) => what.split(": ").at(-1)).sort()).toEqual([
      "Another task does its run",
      "Cancelled by Dana",
    ]);
  });

  test("O1: of somebody else, of another Omakase, or of a project another process looks after is not touched", async () => {
    const others = [await aTask("another deployment's secret, long"), await caller.runOne("sleeper", { startedBy: "ci" })];
    const { sweep } = setup();
    for (let time = 0; time < 4; time++) expect(await sweep()).toBe(0);
    const ours = await aTask();
    const { sweep: elsewhere } = setup({}, () => false);
    for (let time = 0; time < 4; time++) expect(await elsewhere()).toBe(0);
    for (const { taskArn } of [...others, ours]) expect(await statusOf(taskArn)).toBe("RUNNING");
    await stopAll(...others, ours);
  });
});
