// A webhook storm against a whole Omakase: deliveries as Linear signs them, a fifth of them twice, some forged, all out of order. What
// came of it is read from the tables, not from the answers.

import { createHmac, randomUUID } from "node:crypto";
import { LinearClient } from "@linear/sdk";
import type { Launch } from "@omakase/local-launcher/launch";
import { SAMPLE } from "@omakase/local-launcher/stack";
import { seeded } from "@omakase/machines/testing/seeded";

export interface StormOptions {
  readonly deliveries: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface StormReport {
  /** Answered otherwise than they should have been, by status. */
  readonly wrongAnswers: Readonly<Record<string, number>>;
  readonly forgedAccepted: number;
  /** Distinct valid deliveries, and those of them that are stored. */
  readonly valid: number;
  readonly stored: number;
  /** Tickets, and those that are as their newest delivery says. */
  readonly tickets: number;
  readonly current: number;
  /** Deliveries that were applied to a feature or a project more than once. */
  readonly appliedTwice: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly seconds: number;
  /** What is left of the orchestrator's requests at Linear this hour, and how many it has. */
  readonly linearLeft: number;
  readonly linearLimit: number;
}

const VERSIONS = 5;
const DUPLICATES = 0.2;
const FORGED = 0.05;
/** Moved to Todo: what follows asks Linear. */
const STARTED = 0.02;

interface Sent {
  readonly id: string;
  readonly body: string;
  readonly isForged: boolean;
}

/** @throws when a table cannot be read, or the deliveries are not worked off within a minute of the last */
export async function storm(launch: Launch, { deliveries, seconds, seed }: StormOptions): Promise<StormReport> {
  const choices = seeded(seed);
  const isForged = Math.round(deliveries * FORGED);
  const distinct = Math.round((deliveries - isForged) / (1 + DUPLICATES));
  const tickets = Math.ceil(distinct / VERSIONS);
  const base = Date.now() - 3_600_000;
  const team = await teamId(launch);
  const valid: Sent[] = Array.from({ length: distinct }, (_, index) => {
    const [ticket, version] = [Math.floor(index / VERSIONS), index % VERSIONS];
    return { id: randomUUID(), body: anIssue(team, ticket, version, base, ticket < tickets * STARTED), isForged: false };
  });
  const again = Array.from({ length: deliveries - isForged - distinct }, () => choices.pick(valid));
  const forged = Array.from({ length: isForged }, (_, index) => ({
    ...{ id: randomUUID(), body: anIssue(team, 1_000_000 + index, 0, base, true), isForged: true },
  }));
  const sent = [...valid, ...again, ...forged]
    .map((one) => ({ one, at: choices.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);

  const took: number[] = [];
  const wrongAnswers: Record<string, number> = {};
  let forgedAccepted = 0;
  const url = `${launch.stack.urls.orchestrator}/webhooks/linear`;
  const startedAt = performance.now();
  await Promise.all(
    sent.map(async (delivery, index) => {
      await Bun.sleep((index * seconds * 1_000) / sent.length);
      const from = performance.now();
      const { status } = await deliver(url, launch.secrets.linearWebhookSecret, delivery);
      took.push(performance.now() - from);
      if (delivery.isForged && status === 200) forgedAccepted++;
      if (status !== (delivery.isForged ? 401 : 200)) wrongAnswers[status] = (wrongAnswers[status] ?? 0) + 1;
    }),
  );
  const elapsed = (performance.now() - startedAt) / 1_000;
  await workedOff(launch);

  const ids = new Set(valid.map(({ id }) => id));
  const rows = await table<{ deliveryId: string }>(launch, "webhookDeliveries");
  const current = (await table<{ key: string; title: string }>(launch, "tickets")).filter(({ key, title }) => {
    const version = newestVersion(key, distinct);
    return version !== null && title === titleOf(version);
  });
  const applied = new Map<string, number>();
  for (const { actor, eventId } of await table<{ actor: string; eventId: string }>(launch, "transitions")) {
    const name = `${actor} ${eventId}`;
    if (ids.has(eventId.replace("linear:", ""))) applied.set(name, (applied.get(name) ?? 0) + 1);
  }
  const sorted = took.sort((a, b) => a - b);
  const { left, limit } = await linearBudget(launch);
  return {
    wrongAnswers,
    forgedAccepted,
    ...{ valid: distinct, stored: rows.filter(({ deliveryId }) => ids.has(deliveryId)).length },
    ...{ tickets, current: current.length },
    appliedTwice: [...applied.values()].filter((times) => times > 1).length,
    p50Ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    seconds: elapsed,
    ...{ linearLeft: left, linearLimit: limit },
  };
}

/** What is not as it should be, in words; empty when all is well. How quick the answers are is the benchmark's to judge. */
export function faultsOf(report: StormReport): string[] {
  const { wrongAnswers, forgedAccepted, valid, stored, tickets, current, appliedTwice, linearLeft } = report;
  return [
    ...Object.entries(wrongAnswers).map(([status, count]) => `${count} deliveries were answered ${status}`),
    ...(forgedAccepted > 0 ? [`${forgedAccepted} forged deliveries were accepted`] : []),
    ...(stored !== valid ? [`${stored} of ${valid} valid deliveries are stored`] : []),
    ...(current !== tickets ? [`${current} of ${tickets} tickets are as their newest delivery says`] : []),
    ...(appliedTwice > 0 ? [`${appliedTwice} deliveries were applied twice`] : []),
    ...(linearLeft < 1 ? ["Linear's budget is spent"] : []),
  ];
}

const keyOf = (ticket: number) => `STORM-${ticket + 1}`;
const titleOf = (version: number) => `Version ${version}`;

function newestVersion(key: string, distinct: number): number | null {
  const ticket = Number(/^STORM-(\d+)$/.exec(key)?.[1] ?? Number.NaN) - 1;
  const versions = Math.min(VERSIONS, distinct - ticket * VERSIONS);
  return versions > 0 ? versions - 1 : null;
}

function anIssue(teamId: string, ticket: number, version: number, base: number, isStarted: boolean): string {
  const stateType = isStarted && version === VERSIONS - 1 ? "unstarted" : "backlog";
  return JSON.stringify({
    ...{ type: "Issue", action: version === 0 ? "create" : "update", webhookTimestamp: 0 },
    data: {
      id: `00000000-0000-4000-8000-${String(ticket).padStart(12, "0")}`,
      identifier: keyOf(ticket),
      ...{ title: titleOf(version), description: "A storm.", url: "https://linear.test", priority: 3, labels: [] },
      state: { id: stateType, name: stateType, type: stateType },
      teamId,
      updatedAt: new Date(base + version * 1_000).toISOString(),
    },
  });
}

/** Signed when it is sent: a delivery of another minute would be refused. One that could not be stored is sent again, as Linear does. */
async function deliver(url: string, secret: string, { id, body, isForged }: Sent): Promise<{ status: number }> {
  for (let attempt = 1; ; attempt++) {
    const stamped = body.replace(`"webhookTimestamp":0`, `"webhookTimestamp":${Date.now()}`);
    const signature = createHmac("sha256", isForged ? "a forger's secret" : secret)
      .update(stamped)
      .digest("hex");
    const headers = { "content-type": "application/json", "linear-delivery": id, "linear-signature": signature };
    const answer = await fetch(url, { method: "POST", headers, body: stamped });
    await answer.arrayBuffer();
    if (answer.status !== 503 || attempt === 3) return answer;
    await Bun.sleep(500);
  }
}

const READ_AT_ONCE = 1_000;

interface Page<Row> {
  readonly value?: { readonly page: readonly Row[]; readonly isDone: boolean; readonly continueCursor: string };
  readonly errorMessage?: string;
}

/** A whole table, as the deployment's administrator reads it. */
async function table<Row>(launch: Launch, name: string): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  for (;;) {
    const args = { table: name, order: "asc", paginationOpts: { numItems: READ_AT_ONCE, cursor } };
    const response: Response = await fetch(`${launch.stack.convex.url}/api/function`, {
      method: "POST",
      headers: { authorization: `Convex ${launch.stack.convex.adminKey}`, "content-type": "application/json" },
      body: JSON.stringify({ path: "_system/cli/tableData", format: "convex_encoded_json", args }),
    });
    const answer = (await response.json()) as Page<Row>;
    if (!answer.value) throw new Error(`${name} cannot be read: ${answer.errorMessage}`);
    rows.push(...answer.value.page);
    if (answer.value.isDone) return rows;
    cursor = answer.value.continueCursor;
  }
}

async function workedOff(launch: Launch): Promise<void> {
  const end = Date.now() + 60_000;
  while ((await table(launch, "mailbox")).length > 0) {
    if (Date.now() > end) throw new Error("the mailboxes are not empty a minute after the storm");
    await Bun.sleep(100);
  }
}

async function teamId(launch: Launch): Promise<string> {
  const { apiUrl, apiKey } = launch.stack.linear;
  const { nodes } = await new LinearClient({ apiKey, apiUrl }).teams({ filter: { key: { eq: SAMPLE.linearTeamKey } } });
  if (!nodes[0]) throw new Error(`Linear has no team ${SAMPLE.linearTeamKey}`);
  return nodes[0].id;
}

async function linearBudget(launch: Launch): Promise<{ left: number; limit: number }> {
  const { apiUrl, apiKey } = launch.stack.linear;
  const { headers } = await new LinearClient({ apiKey, apiUrl }).client.rawRequest("query { viewer { id } }", {});
  const read = (name: string) => Number(headers?.get(`x-ratelimit-requests-${name}`) ?? Number.NaN);
  return { left: read("remaining"), limit: read("limit") };
}
