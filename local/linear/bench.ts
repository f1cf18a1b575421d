// Measures this server with 10,000 issues: `bun local/linear/bench.ts`. Client and server share one process, so the
// numbers are upper bounds. The last line is one JSON object.
import type { LinearClient } from "@linear/sdk";
import { aLinear } from "./testing/linear.ts";

const ISSUES = 10_000;
const ISSUE_QUERY = `query ($id: String!) { issue(id: $id) {
  id identifier title description priority updatedAt state { id name type } team { id key } labels { nodes { id name } } delegate { id }
  relations { nodes { type relatedIssue { id identifier } } } inverseRelations { nodes { type issue { id identifier state { type } } } } } }`;
const SWEEP = `query ($since: DateTimeOrDuration!) { issues(first: 50, orderBy: updatedAt, filter: { updatedAt: { gte: $since }, state: { type: { in: ["unstarted", "started"] } } }) {
  nodes { id identifier updatedAt state { type } } } }`;

const linear = await aLinear({ webhookAttemptDelaysMs: [] });
const client = linear.as("omakase");
const teamId = (await linear.team()).id;
const ids: string[] = [];
for (let batch = 0; batch < ISSUES / 50; batch++) {
  const issues = Array.from({ length: 50 }, (_, index) => ({
    teamId,
    title: `Issue ${batch * 50 + index}`,
    description: "A few words. ".repeat(20),
  }));
  ids.push(...(await client.createIssueBatch({ issues })).issues.map(({ id }) => id));
}
for (let index = 1; index < 20; index++) {
  await linear.post("omakase", "mutation($i: IssueRelationCreateInput!) { issueRelationCreate(input: $i) { success } }", {
    i: { issueId: ids[index], relatedIssueId: ids[0], type: "blocks" },
  });
}

/** Median and 99th percentile of `work`, in ms. */
async function percentiles(runs: number, work: (run: number) => Promise<unknown>): Promise<[number, number]> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const startedAtMs = performance.now();
    await work(run);
    times.push(performance.now() - startedAtMs);
  }
  times.sort((left, right) => left - right);
  return [times[Math.floor(runs / 2)]!, times[Math.floor(runs * 0.99)]!].map((ms) => Math.round(ms * 100) / 100) as [
    number,
    number,
  ];
}

const [todo, backlog] = [(await linear.state("Todo")).id, (await linear.state("Backlog")).id];
const [issueP50Ms, issueP99Ms] = await percentiles(500, () => client.client.rawRequest(ISSUE_QUERY, { id: ids[0] }));
const [updateP50Ms, updateP99Ms] = await percentiles(500, (run) =>
  client.updateIssue(ids[run]!, { stateId: run % 2 ? todo : backlog }),
);
const [sweepP50Ms, sweepP99Ms] = await percentiles(200, () => client.client.rawRequest(SWEEP, { since: "-PT1H" }));

const startedAtMs = performance.now();
let requests = 0;
await Promise.all(
  Array.from({ length: 20 }, async (_, lane) => {
    const own: LinearClient = linear.as("omakase");
    for (let turn = 0; turn < 100; turn++) {
      if (turn % 2) await own.updateIssue(ids[lane * 100 + turn]!, { stateId: turn % 4 === 1 ? todo : backlog });
      else await own.client.rawRequest(ISSUE_QUERY, { id: ids[lane * 100 + turn] });
      requests += 1;
    }
  }),
);
const requestsPerSecond = Math.round((requests * 1_000) / (performance.now() - startedAtMs));

const restartedAtMs = performance.now();
await linear.restart();
const startMs = Math.round(performance.now() - restartedAtMs);
await linear.stop();

const spunAtMs = performance.now();
let spun = 0;
for (let index = 0; index < 50_000_000; index++) spun = (spun + index) % 1_000_003;
const spinMs = Math.round(performance.now() - spunAtMs);

const metrics = { issueP50Ms, issueP99Ms, updateP50Ms, updateP99Ms, sweepP50Ms, sweepP99Ms, requestsPerSecond, startMs };
console.log(JSON.stringify({ bench: "local-linear", metrics, calibration: { spinMs: spinMs + (spun < 0 ? 1 : 0) } }));
