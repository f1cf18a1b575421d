// A running local Linear for tests, with one real SDK client per user.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LinearClient, type LinearDocument, type Team, type WorkflowState } from "@linear/sdk";
import { type LinearOptions, type LinearServer, startLinear } from "../server.ts";

const KEYS = {
  ada: "lin_api_ada_for_tests_only",
  dana: "lin_api_dana_for_tests_only",
  vic: "lin_api_vic_for_tests_only",
  omakase: "lin_api_omakase_for_tests_only",
} as const;

type Handle = keyof typeof KEYS;

/** An entry of the journal, as a checker reads it. */
interface JournalLine {
  readonly seq: number;
  readonly operation: string;
  readonly actor: { readonly displayName: string };
  readonly touched: readonly { type: string; id: string; identifier?: string; changes?: Record<string, [unknown, unknown]> }[];
}

export interface LinearUnderTest {
  readonly url: string;
  readonly directory: string;
  readonly keyFile: string;
  readonly key: (handle: Handle) => string;
  /** The stock SDK's client, acting as this user. */
  readonly as: (handle: Handle) => LinearClient;
  /** A GraphQL request by hand, for what the SDK would not send. */
  readonly post: (handle: Handle, query: string, variables?: object) => Promise<Response>;
  readonly order: (fault: object) => Promise<Response>;
  readonly journal: () => Promise<JournalLine[]>;
  /** Webhook deliveries still owed, those waiting for a retry included. */
  readonly owed: () => Promise<number>;
  readonly team: () => Promise<Team>;
  readonly state: (name: string) => Promise<WorkflowState>;
  /** A ticket, created by Dana unless said otherwise. */
  readonly anIssue: (over?: Partial<LinearDocument.IssueCreateInput>, by?: Handle) => Promise<{ id: string; identifier: string }>;
  /** Ends the server and starts it again over the same state. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts a server over a directory of its own. Call `stop` at the end. */
export async function aLinear(options: Partial<LinearOptions> = {}): Promise<LinearUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), "omakase-linear-"));
  const keyFile = join(directory, "keys.json");
  writeFileSync(keyFile, JSON.stringify(Object.fromEntries(Object.entries(KEYS).map(([handle, key]) => [key, handle]))));
  const start = (): Promise<LinearServer> =>
    startLinear({ dataDirectory: join(directory, "state"), port: 0, apiKeyFile: keyFile, ...options });
  let server = await start();
  const local = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, { ...init, headers: { "x-omakase-local": "1" } });
  const as = (handle: Handle) => new LinearClient({ apiKey: KEYS[handle], apiUrl: `${server.url}/graphql` });
  const team = async () => as("ada").team("OMA");
  return {
    get url() {
      return server.url;
    },
    directory,
    keyFile,
    key: (handle) => KEYS[handle],
    as,
    post: (handle, query, variables = {}) =>
      fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { authorization: KEYS[handle], "content-type": "application/json" },
        body: JSON.stringify({ query, variables }),
      }),
    order: (fault) => local("/__faults", { method: "POST", body: JSON.stringify(fault) }),
    journal: async () => ((await (await local("/__journal")).json()) as { entries: JournalLine[] }).entries,
    owed: async () => ((await (await local("/__deliveries")).json()) as { owed: number }).owed,
    team,
    state: async (name) =>
      (await as("ada").workflowStates({ filter: { name: { eq: name }, team: { key: { eq: "OMA" } } } })).nodes[0]!,
    anIssue: async (over = {}, by = "dana") => {
      const { issueId } = await as(by).createIssue({ teamId: (await team()).id, title: "A ticket", ...over });
      return { id: issueId!, identifier: (await as(by).issue(issueId!)).identifier };
    },
    restart: async () => {
      await server.stop();
      server = await start();
    },
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
