// Everything a client or a function can do wrong, against one real server process, beside clients that must not notice:
// after each wrong a bystander's mutation arrives at a bystander's subscription, and the process is still the same one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { app } from "./testing/fixture-api.ts";
import { ADMIN_KEY, eventually, pushFixture, type ServerProcess, spawnServer, tempDir } from "./testing/fixture-deployment.ts";

const MIB = 1024 * 1024;
const { dir, remove } = tempDir();
let server: ServerProcess;
let bystander: ConvexClient;
let seen = 0;
let sent = 0;

beforeAll(async () => {
  server = await spawnServer(dir, 0, ["--synchronous", "NORMAL"]);
  await pushFixture(server.url);
  bystander = new ConvexClient(server.url, { logger: false });
  bystander.onUpdate(app.counters.get, { name: "bystander" }, (value) => {
    seen = value;
  });
});
afterAll(async () => {
  await bystander.close();
  expect(await server.terminate()).toBe(0); // it lived through all of this
  remove();
});

async function othersCarryOn(): Promise<void> {
  sent += 1;
  expect(await bystander.mutation(app.counters.increment, { name: "bystander" })).toBe(sent);
  await eventually(() => seen === sent, "the bystander's subscription sees it");
}

async function post(route: string, body: RequestInit["body"], headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}/api/${route}`, { method: "POST", body, headers });
  const text = await answer.text();
  return { status: answer.status, text, body: text.startsWith("{") ? JSON.parse(text) : null };
}
const call = (path: unknown, args: unknown = [{}], format: unknown = "convex_encoded_json") =>
  JSON.stringify({ path, args, format });

/** Writes raw bytes to the server and gives back what it answers until it closes, or until a while after its last word. */
function rawSocket(pieces: (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    let heard = "";
    const socket = connect(Number(port), hostname);
    socket.setTimeout(300, () => socket.destroy());
    socket.on("data", (data) => {
      heard += data.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
    for (const piece of pieces) socket.write(piece);
  });
}

const UPGRADE =
  "GET /api/1.48.0/sync HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Sends text frames; resolves with what came back and how it was closed. Left open ones are closed after a while of silence. */
function frames(texts: string[]): Promise<{ types: string[]; last: string; code: number }> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/1.48.0/sync`);
    const types: string[] = [];
    let last = "";
    let silence = setTimeout(() => socket.close(), 1500);
    socket.onopen = () => {
      for (const text of texts) socket.send(text);
    };
    socket.onmessage = ({ data }) => {
      last = String(data);
      types.push(JSON.parse(last).type);
      clearTimeout(silence);
      silence = setTimeout(() => socket.close(), 300);
    };
    socket.onclose = ({ code }) => {
      clearTimeout(silence);
      resolve({ types, last, code });
    };
  });
}
const CONNECT = JSON.stringify({
  type: "Connect",
  sessionId: crypto.randomUUID(),
  connectionCount: 0,
  lastCloseReason: null,
  clientTs: 0,
});
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("HTTP", () => {
  const cases: [what: string, ask: () => Promise<{ status: number; text: string }>, status: number, says: string][] = [
    ["a body that is not JSON", () => post("query", "{not json"), 400, "The body is not JSON"],
    ["an empty body", () => post("query", ""), 400, "The body is not JSON"],
    ["a body of 21 MiB", () => post("query", "x".repeat(21 * MIB)), 413, "at most 20 MiB"],
    ["one that does not say its length", () => post("query", endless(21)), 413, "at most 20 MiB"],
    ["arrays a million deep", () => post("query", nested(1_000_000)), 400, "The body"],
    ["arguments ten thousand deep", () => post("query", call("counters:get").replace("{}", nested(10_000))), 400, "`args`"],
    ["arguments with a value that is deep", () => post("query", deepArgs(5000)), 200, '"status":"error"'],
    ["a path that is no text", () => post("query", call(7)), 400, "`path` must be"],
    ["a path of a megabyte", () => post("query", call("p".repeat(MIB))), 200, "Could not find public function"],
    ["a path with control characters", () => post("query", call("a\0b:c\n")), 200, "Could not find public function"],
    ["a path that climbs", () => post("query", call("../../auth:secret")), 200, "Could not find public function"],
    ["a path into a prototype", () => post("query", call("__proto__:constructor")), 200, "Could not find public function"],
    ["arguments named like a prototype", () => post("query", protoArgs), 200, '"status":"error"'],
    ["an internal function", () => post("query", call("messages:secret")), 200, "Could not find public function"],
    ["a mutation called as a query", () => post("query", call("counters:increment")), 200, "but it is defined as Mutation"],
    ["an unknown format", () => post("query", call("counters:get", [{}], "xml")), 400, "Unknown format"],
    ["a garbage token", () => post("query", call("counters:get"), { authorization: "Bearer garbage" }), 401, "Token"],
    ["a token of other parts", () => post("query", call("a:b"), { authorization: "Bearer a.b.c" }), 401, "Token"],
    ["an unknown scheme", () => post("query", call("a:b"), { authorization: "Basic x" }), 401, "Authorization"],
    ["a garbage admin key", () => post("query", call("a:b"), { authorization: "Convex x|y:z" }), 401, "admin key"],
    ["a garbage acting-as", () => post("query", call("a:b"), { authorization: `Convex ${ADMIN_KEY}:!!` }), 401, "identity"],
    ["a push without the key", () => post("deploy2/start_push", "{}"), 401, "admin key"],
    ["a push that is not brotli", () => admin("deploy2/start_push", "x", { "content-encoding": "br" }), 400, "brotli"],
    ["a push of nothing", () => admin("deploy2/start_push", "{}"), 400, "BadRequest"],
    ["the end of a push that was never begun", () => admin("deploy2/finish_push", "{}"), 400, "Push again"],
    [
      "variables that are none",
      () => admin("update_environment_variables", '{"changes":[{"name":"1 2"}]}'),
      400,
      "variable name",
    ],
    ["a timestamp that is none", () => post("query_at_ts", `${call("counters:get").slice(0, -1)},"ts":"x"}`), 400, "timestamp"],
    ["a backup to nowhere", () => admin("local/backup", '{"to":"relative"}'), 400, "full path"],
  ];
  for (const [what, ask, status, says] of cases) {
    test(`${what}: ${status}`, async () => {
      const answer = await ask();
      expect([answer.status, answer.text.slice(0, 2000)]).toEqual([status, expect.stringContaining(says)]);
      await othersCarryOn();
    });
  }

  test("what is no HTTP at all, and requests that never end, cost only their own connection", async () => {
    await rawSocket(["\0\x01\x02 this is not HTTP \r\n\r\n"]);
    await rawSocket(["GET / HTTP/9.9\r\n\r\n", "POST /api/query HTTP/1.1\r\nContent-Length: -5\r\n\r\n"]);
    await rawSocket([`GET / HTTP/1.1\r\nHost: x\r\n${"X-Header: y\r\n".repeat(20_000)}\r\n`]);
    await rawSocket(["POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"]); // and nothing more
    await rawSocket(["POST /api/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"]);
    await othersCarryOn();
  });

  test("an upload that is cut off stores nothing", async () => {
    const url = new URL(await new ConvexHttpClient(server.url, { logger: false }).mutation(app.files.uploadUrl, {}));
    await rawSocket([`POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n`, "half"]);
    await othersCarryOn();
    expect(await new ConvexHttpClient(server.url, { logger: false }).query(app.files.count, {})).toBe(0);
  });
});

describe("sync", () => {
  const add = { type: "Add", queryId: 0, udfPath: "counters:get", args: [{ name: "x" }] };
  const modify = (modifications: unknown, baseVersion = 0) =>
    JSON.stringify({ type: "ModifyQuerySet", baseVersion, newVersion: baseVersion + 1, modifications });
  const fatal: [what: string, texts: string[]][] = [
    ["text that is not JSON", [CONNECT, "not json"]],
    ["arrays a million deep", [CONNECT, nested(1_000_000)]],
    ["null", [CONNECT, "null"]],
    ["anything before Connect", [modify([add])]],
    ["Connect twice", [CONNECT, CONNECT]],
    ["an unknown message type", [CONNECT, '{"type":"Destroy"}']],
    ["a type out of a prototype", [CONNECT, '{"type":"__proto__"}']],
    ["a version that is not the current one", [CONNECT, modify([add], 5)]],
    ["a version that is no number", [CONNECT, modify([add]).replace('"baseVersion":0', '"baseVersion":"0"')]],
    ["a query id that is no number", [CONNECT, modify([{ ...add, queryId: {} }])]],
    ["too many queries at once", [CONNECT, modify(Array.from({ length: 20_001 }, (_, queryId) => ({ ...add, queryId })))]],
    ["arguments that are no object", [CONNECT, modify([{ ...add, args: [[]] }])]],
    ["a wrong identity version", [CONNECT, '{"type":"Authenticate","baseVersion":3,"tokenType":"None"}']],
    ["an unknown token type", [CONNECT, '{"type":"Authenticate","baseVersion":0,"tokenType":"Cookie","value":"x"}']],
    ["a request id that is none", [CONNECT, '{"type":"Mutation","requestId":-1,"udfPath":"counters:increment","args":[{}]}']],
  ];
  for (const [what, texts] of fatal) {
    test(`${what}: FatalError for that client`, async () => {
      const { types, code } = await frames(texts);
      expect([types.at(-1), code]).toEqual(["FatalError", 1002]);
      await othersCarryOn();
    });
  }

  test("garbage tokens are refused with AuthError", async () => {
    for (const value of ["", "garbage", "a.b.c", "x".repeat(MIB)]) {
      const { types } = await frames([
        CONNECT,
        JSON.stringify({ type: "Authenticate", baseVersion: 0, tokenType: "User", value }),
      ]);
      expect(types).toEqual(["AuthError"]);
    }
    const forged = { type: "Authenticate", baseVersion: 0, tokenType: "Admin", value: "local|forged" };
    expect((await frames([CONNECT, JSON.stringify(forged)])).types).toEqual(["AuthError"]);
    await othersCarryOn();
  });

  test("a garbage journal or an unknown function fails that query only", async () => {
    const page = { channel: "x", paginationOpts: { numItems: 1, cursor: null } };
    const { types, last } = await frames([
      CONNECT,
      modify([
        { ...add, queryId: 0 },
        { ...add, queryId: 1, udfPath: "counters:nothing" },
        { type: "Add", queryId: 2, udfPath: "messages:page", args: [page], journal: "garbage" },
      ]),
    ]);
    expect(types).toEqual(["Transition"]);
    const kinds = JSON.parse(last).modifications.map((change: { queryId: number; type: string }) => [
      change.queryId,
      change.type,
    ]);
    expect(kinds.sort()).toEqual([
      [0, "QueryUpdated"],
      [1, "QueryFailed"],
      [2, "QueryFailed"],
    ]);
    await othersCarryOn();
  });

  test("frames no client would build end their own connection", async () => {
    const masked = (head: number[]) => new Uint8Array([...head, 0, 0, 0, 0]);
    for (const bytes of [
      [0x81, 0x05, 104, 101, 108, 108, 111], // not masked
      [0x83, 0x80, 0, 0, 0, 0], // an opcode nobody defined
      [0xf1, 0x80, 0, 0, 0, 0], // reserved bits
      [0x80, 0x80, 0, 0, 0, 0], // goes on with nothing
      [0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0], // a ping of 256 bytes
    ]) {
      expect(await rawSocket([UPGRADE, new Uint8Array(bytes)])).toStartWith("HTTP/1.1 101");
    }
    // Says it is nine exabytes long.
    await rawSocket([UPGRADE, masked([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])]);
    // A text of half a character.
    await rawSocket([UPGRADE, new Uint8Array([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])]);
    await othersCarryOn();
  });
});

describe("functions", () => {
  const ERRORS: Record<string, string> = {
    throwUndefined: "Uncaught undefined",
    throwNull: "Uncaught null",
    throwFrozen: "Uncaught [object Object]",
    throwSymbol: "Uncaught Symbol(odd)",
    throwTouchy: "do not look at me",
    throwHuge: "Uncaught [object Object]",
    throwLongMessage: "(truncated due to length)",
    throwTouchyMessage: "an object that cannot be shown as text",
    throwFrozenError: "Uncaught TypeError: frozen error",
    throwHugeConvexError: "The data of a ConvexError is too large",
    returnCyclic: "Uncaught RangeError",
    returnFunction: "is not a supported Convex type",
    returnSymbol: "is not a supported Convex type",
    returnTouchy: "do not look at me",
    returnDate: "is not a supported Convex type",
    returnVeryDeep: "Uncaught RangeError",
    returnHuge: "is too large (limit: 16 MiB)",
    returnBigInt: "does not fit into",
    overflowStack: "Uncaught RangeError",
    garbageSyscall: "Uncaught",
    exitProcess: "process.exit() is not available",
    breakLanguage: "Attempted to assign to readonly property",
  };
  for (const [how, says] of Object.entries(ERRORS)) {
    test(`${how} is an error of its own call`, async () => {
      for (const kind of ["query", "mutation", "action"] as const) {
        const fn = `hostile:in${kind[0]?.toUpperCase()}${kind.slice(1)}`;
        const { status, text, body } = await post(kind, call(fn, [{ how }]));
        expect([kind, status, body?.status]).toEqual([kind, 200, "error"]);
        expect(body.errorMessage).toMatch(/^\[Request ID: [0-9a-f]{16}\] Server Error\n/);
        expect(body.errorMessage).toContain(says);
        expect(text.length).toBeLessThan(100_000);
      }
      await othersCarryOn();
    });
  }

  test("floods of log lines, and lines that cannot be shown, are cut; promises left behind trouble nobody", async () => {
    for (const how of ["floodLog", "logOddities", "rejectLater", "leaveSyscallBehind"]) {
      for (const kind of ["query", "mutation", "action"]) {
        const fn = `hostile:in${kind[0]?.toUpperCase()}${kind.slice(1)}`;
        const { body } = await post(kind, call(fn, [{ how }]));
        expect([how, kind, body?.status]).toEqual([how, kind, "success"]);
        expect(body.logLines.length).toBeLessThanOrEqual(257);
      }
    }
    await othersCarryOn();
  });

  test("one that never returns, and one that loops over reads, come to an end; one that waits forever hinders nobody", async () => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    void client.action(app.hostile.waitForever, {}).catch(() => {});
    await expect(client.mutation(app.surroundings.never, {})).rejects.toThrow(
      "Function execution timed out (maximum duration: 1s)",
    );
    await expect(client.query(app.hostile.readForever, {})).rejects.toThrow(/Too many index ranges|timed out/);
    await othersCarryOn();
  });
});

const protoArgs = '{"path":"counters:get","format":"json","args":{"__proto__":{"name":"x"},"constructor":"y"}}';
const deepArgs = (levels: number) => `{"path":"counters:get","format":"json","args":{"name":${nested(levels)}}}`;
const admin = (route: string, body: string, headers: Record<string, string> = {}) =>
  post(route, body, { authorization: `Convex ${ADMIN_KEY}`, ...headers });
function endless(mib: number): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(MIB).fill(32);
  return new ReadableStream({ pull: (controller) => (mib-- > 0 ? controller.enqueue(piece) : controller.close()) });
}
