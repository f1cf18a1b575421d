// The boundary of components, through stock clients on a real server: the fixture app mounts one component twice (`ledger`,
// `archive`), which mounts another (`stamps`). All three and the app have a table named `notes`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { type DefaultFunctionArgs, type FunctionType, makeFunctionReference } from "convex/server";
import { type RunningConvex, startConvex } from "../start.ts";
import {
  ADMIN_KEY,
  adminPost,
  COMPONENTS_APP_DIR,
  eventually,
  pushApp,
  setVariables,
  tempDir,
} from "../testing/fixture-deployment.ts";

let server: RunningConvex;
let client: ConvexHttpClient;
const data = tempDir();

beforeAll(async () => {
  server = await startConvex({ dir: data.dir, port: 0, adminKey: ADMIN_KEY, synchronous: "NORMAL", log: () => {} });
  await setVariables(server.url, { HOUSE_STYLE: "plain", APP_ONLY: "secret" });
  await pushApp(server.url, COMPONENTS_APP_DIR);
  client = new ConvexHttpClient(server.url, { logger: false });
});
afterAll(async () => {
  await server.stop();
  data.remove();
});

const reference = <Type extends FunctionType>(name: string) => makeFunctionReference<Type, DefaultFunctionArgs, unknown>(name);
const query = (name: string, args = {}) => client.query(reference<"query">(name), args);
const mutation = (name: string, args = {}) => client.mutation(reference<"mutation">(name), args);
const inComponent = (componentPath: string, path: string, args = {}) =>
  adminPost(server.url, "function", { componentPath, path, args, format: "json" });

/** What the CLI uses of the clients and their public types leave out. */
interface AdminClient {
  setAdminAuth(key: string, actingAs?: object): void;
}
interface ComponentSubscriber {
  subscribe(name: string, args: object, options: { componentPath: string }): { queryToken: string };
  localQueryResultByToken(token: string): unknown;
}
const asAdmin = (anyClient: ConvexHttpClient | ConvexClient) => anyClient as unknown as AdminClient;

describe("tables of a component", () => {
  test("are its own, also under a name the app and other components use", async () => {
    const added = await mutation("notes:addEverywhere", { text: "everywhere" });
    expect(added).toMatchObject({ ledger: { stamp: 1 }, archive: { stamp: 1 } });
    await inComponent("archive", "lib:add", { text: "archive only" });
    expect(await query("notes:list")).toEqual({
      app: ["everywhere"],
      ledger: ["everywhere"],
      archive: ["archive only", "everywhere"],
    });
    expect(await query("notes:ledgerSays", { what: "stamps" })).toEqual({ count: 1, currency: "EUR" });
  });

  test("do not know ids of anybody else's, and hand out none the app could use", async () => {
    const { id, ledger } = (await mutation("notes:addEverywhere", { text: "ids" })) as { id: string; ledger: { id: string } };
    expect(await query("notes:ledgerGets", { id: ledger.id })).toMatchObject({
      document: { text: "ids" },
      normalized: ledger.id,
    });
    expect(await query("notes:ledgerGets", { id })).toEqual({ document: null, normalized: null });
    expect(await query("notes:get", { id: ledger.id })).toBeNull();
    expect(await query("notes:ledgerTakes", { id: ledger.id })).toBe(ledger.id);
    await expect(query("notes:ledgerTakes", { id })).rejects.toThrow("ArgumentValidationError");
  });

  test("are kept to the component's own schema", async () => {
    const { status, errorMessage } = (await inComponent("ledger", "lib:addWrong")) as Record<string, string>;
    expect(status).toBe("error");
    expect(errorMessage).toContain('Failed to insert or update a document in table "notes"');
  });
});

describe("a call across the boundary", () => {
  test("that throws loses the component's writes, nested ones too, and nothing of its caller's (T1)", async () => {
    const before = await query("notes:ledgerSays", { what: "stamps" });
    expect(await mutation("notes:addBesideFailure", { text: "beside" })).toContain('{"code":"refused","text":"beside"}');
    expect(await query("notes:list")).toMatchObject({
      app: expect.arrayContaining(["beside"]),
      ledger: expect.not.arrayContaining(["beside"]),
    });
    expect(await query("notes:ledgerSays", { what: "stamps" })).toEqual(before);
  });

  test("is undone with its caller", async () => {
    await expect(mutation("notes:addAndThrow", { text: "undone" })).rejects.toThrow("the app changed its mind");
    expect(await query("notes:list")).toMatchObject({ ledger: expect.not.arrayContaining(["undone"]) });
  });

  test("makes a subscription of the app depend on the component's rows", async () => {
    const live = new ConvexClient(server.url, { logger: false });
    const seen: string[][] = [];
    live.onUpdate(reference<"query">("notes:list"), {}, (lists) => void seen.push((lists as { ledger: string[] }).ledger));
    await eventually(() => seen.length === 1, "subscribed");
    await inComponent("ledger", "lib:add", { text: "seen live" });
    await eventually(() => seen.at(-1)?.includes("seen live"), "told of the component's change");
    await live.close();
  });
});

describe("function handles", () => {
  test("of the app are called back by a component in the same transaction", async () => {
    expect(await mutation("notes:calledBack", { text: "by handle" })).toBe("the app has by handle");
    expect(await query("notes:list")).toMatchObject({ app: expect.arrayContaining(["by handle"]) });
  });

  test("of the app are called back by a component's action: query, mutation and action", async () => {
    const { query: count, ...rest } = (await client.action(reference<"action">("notes:calledBackFromAction"), {
      text: "from an action",
    })) as { query: number };
    expect(rest).toEqual({ mutation: "the app has from an action", action: "by action: the app has from an action" } as object);
    expect(count).toBeGreaterThan(1);
  });

  test("of a component reach its internal functions from the app", async () => {
    expect(await mutation("notes:callsLedgerByHandle", { text: "handed out" })).toBe("the ledger has handed out");
    expect(await query("notes:list")).toMatchObject({ ledger: expect.arrayContaining(["handed out"]) });
  });

  test("are scheduled: the job is the component's, the function the app's", async () => {
    const id = await mutation("notes:scheduledByLedger", { text: "scheduled", delayMs: 0 });
    await eventually(async () => ((await query("notes:list")) as { app: string[] }).app.includes("scheduled"), "the job ran");
    expect(await query("notes:ledgerJob", { id })).toEqual({ inLedger: "success", inApp: null });
  });

  test("that are scheduled can be cancelled by the component that scheduled them, and by nobody else", async () => {
    const id = await mutation("notes:scheduledByLedger", { text: "never", delayMs: 3_600_000 });
    await mutation("notes:cancelLedgerJob", { id, asApp: true });
    expect(await query("notes:ledgerJob", { id })).toMatchObject({ inLedger: "pending" });
    await mutation("notes:cancelLedgerJob", { id, asApp: false });
    expect(await query("notes:ledgerJob", { id })).toMatchObject({ inLedger: "canceled" });
  });
});

describe("a component", () => {
  test("sees the variables it declares as its parent bound them, and no others (N2)", async () => {
    const own = { houseStyle: null, path: null, hasCloudUrl: true };
    expect(await query("notes:ledgerSays", { what: "env" })).toEqual({ style: "plain", currency: "EUR", ...own });
    expect(await query("notes:archiveSays", { what: "env" })).toEqual({ style: null, currency: "USD", ...own });
  });

  test("follows a change of the variable it is bound to; a value that is not allowed is refused", async () => {
    await setVariables(server.url, { HOUSE_STYLE: "ornate" });
    expect(await query("notes:ledgerSays", { what: "env" })).toMatchObject({ style: "ornate" });
    await expect(setVariables(server.url, { HOUSE_STYLE: "loud" })).rejects.toThrow(
      "Environment variable HOUSE_STYLE does not fit",
    );
    expect(await query("notes:ledgerSays", { what: "env" })).toMatchObject({ style: "ornate" });
  });

  test("is not told who calls, while the app it calls back is", async () => {
    const user = new ConvexHttpClient(server.url, { logger: false });
    const tokenIdentifier = "https://issuer.test|ada";
    asAdmin(user).setAdminAuth(ADMIN_KEY, { subject: "ada", issuer: "https://issuer.test", tokenIdentifier });
    expect(await user.query(reference<"query">("notes:ledgerSays"), { what: "whoAmI" })).toBeNull();
    expect(await user.mutation(reference<"mutation">("notes:calledBack"), { text: "signed" })).toBe(
      "the app has signed from ada",
    );
  });

  test("cannot paginate with `paginate`, and is told so as on Convex", async () => {
    await expect(query("notes:ledgerSays", { what: "page" })).rejects.toThrow("paginate() is only supported in the app.");
  });

  test("knows where it is mounted", async () => {
    expect(await query("notes:ledgerSays", { what: "where" })).toMatchObject({ name: "lib.js:where", componentPath: "ledger" });
  });

  test("runs its own crons, once per place it is mounted", async () => {
    for (const says of ["notes:ledgerSays", "notes:archiveSays"]) {
      await eventually(async () => Number(await query(says, { what: "ticks" })) > 1, `${says} ticks`);
    }
  });

  test("serves its routes under its prefix, with its own database and environment (H2)", async () => {
    const response = await fetch(`${server.siteUrl}/ledger/count`);
    expect(await response.json()).toMatchObject({ url: `${server.siteUrl}/ledger/count`, currency: "EUR", identity: null });
    expect((await fetch(`${server.siteUrl}/count`)).status).toBe(404);
    expect((await fetch(`${server.siteUrl}/archive/count`)).status).toBe(404);
  });
});

describe("nobody else reaches a component", () => {
  test("a client cannot call its functions, by any spelling, over HTTP or sync", async () => {
    const spellings = [
      "ledger/lib:list",
      "ledger.lib:list",
      "function://ledger;lib:list",
      "_reference/childComponent/ledger/lib/list",
    ];
    for (const path of ["lib:list", ...spellings]) {
      for (const componentPath of ["ledger", undefined]) {
        const response = await fetch(`${server.url}/api/query`, {
          method: "POST",
          body: JSON.stringify({ componentPath, path, args: {}, format: "json" }),
        });
        const { status, errorMessage } = (await response.json()) as Record<string, string>;
        expect(status).toBe("error");
        expect(errorMessage).toContain("Could not find public function");
      }
    }
    const live = new ConvexClient(server.url, { logger: false });
    for (const path of spellings)
      await expect(live.mutation(reference<"mutation">(path), {})).rejects.toThrow("Could not find public function");
    await live.close();
  });

  test("a sync client without the admin key is refused a component's query; with it, it is subscribed", async () => {
    const ask = async (hasKey: boolean): Promise<unknown> => {
      const live = new ConvexClient(server.url, { logger: false });
      if (hasKey) asAdmin(live).setAdminAuth(ADMIN_KEY);
      const sync = live.client as unknown as ComponentSubscriber;
      const { queryToken } = sync.subscribe("lib:list", {}, { componentPath: "archive" });
      try {
        return await eventually(() => sync.localQueryResultByToken(queryToken) as object | undefined, "an answer");
      } catch (error) {
        return String(error);
      } finally {
        await live.close();
      }
    };
    expect(await ask(false)).toContain("Could not find public function for 'lib:list' in component 'archive'");
    expect(await ask(true)).toContain("archive only");
  });

  test("the app cannot call what a component keeps internal, nor a component inside it", async () => {
    await expect(query("notes:callsInternalOfLedger")).rejects.toThrow(
      "Could not find public function for 'lib:secret' in component 'ledger'",
    );
    await expect(query("notes:callsGrandchild")).rejects.toThrow(
      "Could not find public function for 'stamps/lib:count' in component 'ledger'",
    );
  });

  test("an admin reaches every function of every component, internal ones too, and one that is not mounted is named", async () => {
    expect(await inComponent("ledger", "lib:secret")).toMatchObject({ status: "success", value: "only for the ledger" });
    expect(await inComponent("archive/stamps", "lib:count")).toMatchObject({ value: { currency: "USD" } });
    expect(await inComponent("nowhere", "lib:count")).toMatchObject({
      status: "error",
      errorMessage: expect.stringContaining("in component 'nowhere'"),
    });
  });
});
