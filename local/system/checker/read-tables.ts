// Reads the tables of a running deployment as they were at one moment, through the protocol its own dashboard uses and with the admin
// key: no function of ours runs. Works on local/convex and on a deployment in the cloud. To look at a stopped one, start it.

import type { TableName, Tables } from "./history.ts";

export interface Deployment {
  readonly url: string;
  readonly adminKey: string;
}

/** Snapshots are a JSON string each and may be long: small pages stay within what a query may read. */
const PAGE_ROWS = 400;
const TRIES = 40;
const TRY_EVERY_MS = 250;

const ALL = [
  "projects",
  "actors",
  "features",
  "transitions",
  "mailbox",
  "timers",
  "outbox",
  "agentRuns",
  "webhookDeliveries",
] as const satisfies readonly TableName[];

/**
 * Every row of the tables, in the order they were stored, all at one time stamp. A table that is not asked for is empty.
 * @throws when the deployment does not answer within 10 s
 */
export async function readTables(deployment: Deployment, names: readonly TableName[] = ALL): Promise<Tables> {
  const { ts } = (await post(deployment, "query_ts", {})) as { ts: string };
  const read = async <Name extends TableName>(name: Name): Promise<Tables[Name]> => {
    if (!names.includes(name)) return [] as unknown as Tables[Name];
    const rows: unknown[] = [];
    for (let cursor: string | null = null; ; ) {
      const answer = (await post(deployment, "query_at_ts", {
        path: "_system/cli/tableData",
        args: { table: name, order: "asc", paginationOpts: { numItems: PAGE_ROWS, cursor } },
        format: "json",
        ts,
      })) as { status: string; errorMessage?: string; value: { page: unknown[]; isDone: boolean; continueCursor: string } };
      if (answer.status !== "success") throw new Error(`${name} cannot be read: ${answer.errorMessage}`);
      rows.push(...answer.value.page);
      if (answer.value.isDone) return rows as unknown as Tables[Name]; // the schema has checked each row
      cursor = answer.value.continueCursor;
    }
  };
  return {
    projects: await read("projects"),
    actors: await read("actors"),
    features: await read("features"),
    transitions: await read("transitions"),
    mailbox: await read("mailbox"),
    timers: await read("timers"),
    outbox: await read("outbox"),
    agentRuns: await read("agentRuns"),
    webhookDeliveries: await read("webhookDeliveries"),
  };
}

async function post({ url, adminKey }: Deployment, route: string, body: object): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(`${url}/api/${route}`, {
        method: "POST",
        headers: { authorization: `Convex ${adminKey}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      });
      if (!response.ok) throw new Error(`${route} answers ${response.status}: ${(await response.text()).slice(0, 500)}`);
      return await response.json();
    } catch (error) {
      if (attempt === TRIES) throw error;
      await Bun.sleep(TRY_EVERY_MS);
    }
  }
}
