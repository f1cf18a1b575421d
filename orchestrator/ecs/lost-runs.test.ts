// How a run ended whose task has disappeared, read from real commits at local/github.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { APP_ID, keys, shell, TestGitHub } from "@omakase/local-github/contract/setup";
import { createGitHub, type GitHub } from "../github/client.ts";
import type { RepairOf } from "../repairs.ts";
import { aConvex, aLog } from "../testing/edge.ts";
import { declareLost, isFinishedWorkOf } from "./lost-runs.ts";

const server = new TestGitHub();
let github: GitHub;
beforeAll(async () => {
  await server.start();
  github = createGitHub({ apiUrl: server.url, webUrl: server.url, appId: String(APP_ID), privateKey: keys.privateKey });
});
afterAll(() => server.stop());

const AGENT = "omakase/sample/oma-1/coder-1";
const RUN = `${AGENT}:4:0`;
const finished = (run = RUN) => `OMA-1: A receipt\n\nIt prints.\n\nOmakase-Run: ${run}\nOmakase-Agent: ${AGENT}`;

let branches = 0;
/** @param message of the newest commit; null: nothing was pushed */
async function setup(message: string | null, over: object = {}) {
  const branch = `agent/lost-${++branches}`;
  if (message !== null) {
    const folder = await server.clone();
    await Bun.write(`${folder}/message`, message);
    await shell(folder, `git checkout -q -b ${branch} && git commit -q --allow-empty -F message && git push -q origin ${branch}`);
  }
  const reports: { headSha?: unknown; exitCode?: unknown }[] = [];
  const letters: { type: string; attempt: number }[] = [];
  const recorded: RepairOf[] = [];
  const { caller: convex } = aConvex({
    "reconcile:lostRun": () => ({
      ...{ role: "coder", project: "omakase/sample", repository: "omakase/demo", branch, hasReported: false, isClaimed: true },
      ...over,
    }),
    "runs:report": (report) => {
      reports.push(report);
      return { stored: true };
    },
    "mailbox:deliver": ({ deliveries }) => {
      for (const { event } of deliveries as { event: string }[]) letters.push(JSON.parse(event));
      return { stored: 1, duplicate: 0, unknown: [] };
    },
  });
  const repairs = { record: async (repair: RepairOf) => void recorded.push(repair) };
  await declareLost({ convex, github, repairs, log: aLog().log })({ runId: RUN, agent: AGENT, attempt: 2 });
  return { reports, letters, recorded };
}

describe("a lost run", () => {
  test("of a coder whose finished work is on the branch counts: it is reported with that commit before the agent hears of the loss", async () => {
    const { reports, letters, recorded } = await setup(finished());
    expect(reports).toMatchObject([{ exitCode: 0, headSha: expect.stringMatching(/^[0-9a-f]{40}$/) }]);
    expect(letters).toMatchObject([{ type: "task.lost", attempt: 2 }]);
    expect(recorded).toMatchObject([{ kind: "lostInferred" }]);
  });

  test.each([
    ["that was cut off", `wip: ${finished()}`, {}],
    ["whose branch has another run's commit only", finished(`${AGENT}:1:0`), {}],
    ["that pushed nothing", null, {}],
    ["of a role that pushes nothing", finished(), { role: "reviewer" }],
    ["that never began", finished(), { isClaimed: false }],
    ["that had reported: its own word counts", finished(), { hasReported: true }],
  ])("%s is told as it is", async (_, message, over) => {
    const { reports, letters, recorded } = await setup(message, over);
    expect([reports, letters.map(({ type }) => type)]).toEqual([[], ["task.lost"]]);
    expect(recorded).toMatchObject([{ kind: "lost" }]);
  });

  test("is not declared while its branch cannot be read", async () => {
    await server.local("POST", "/__faults", {
      ...{ route: "GET /repos/{owner}/{repo}/commits/{ref...}", kind: "status", times: 1, status: 502, message: "Bad gateway" },
    });
    await expect(setup(finished())).rejects.toThrow("Bad gateway");
  });
});

test("words of an agent in the middle of a message are no trailers", () => {
  expect(isFinishedWorkOf(RUN, `OMA-1: x\n\nOmakase-Run: ${RUN}\n\nOmakase-Run: other`)).toBe(false);
  expect(isFinishedWorkOf(RUN, finished())).toBe(true);
});
