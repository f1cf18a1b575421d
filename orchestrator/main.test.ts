// The orchestrator as a process, among the stand-ins of one machine: what only the whole can show.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Headless, startHeadless } from "@omakase/local-system/headless";
import { signIn } from "@omakase/local-system/sign-in";
import { Tickets } from "@omakase/local-system/tickets";
import { PROJECT, Reader } from "@omakase/local-system/watch";
import { createServiceToken } from "./identity/service-token.ts";
import { CLOSE } from "./inspect/wire.ts";
import { aLog, eventually } from "./testing/edge.ts";

let stack: Headless;
let reader: Reader;
beforeAll(async () => {
  stack = await startHeadless();
  reader = await Reader.signedIn(stack.launch, "Dana");
}, 60_000);
afterAll(async () => {
  await reader?.close();
  await stack?.end();
}, 30_000);

const logged = () =>
  readFileSync(join(stack.stateDir, "logs", "orchestrator.log"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function inspect(auth: object) {
  const socket = new WebSocket(`${stack.launch.stack.urls.orchestrator.replace("http", "ws")}/inspect`);
  const frames: { type: string; id?: string; sessionId?: string; event?: { type: string } }[] = [];
  const closed = Promise.withResolvers<number>();
  socket.onopen = () => socket.send(JSON.stringify({ type: "auth", project: PROJECT, ...auth }));
  socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)));
  socket.onclose = ({ code }) => closed.resolve(code);
  return { socket, frames, closed: closed.promise };
}

const journalOf = async (name: "ecs" | "linear") =>
  (
    (await (await fetch(`${stack.launch.stack.urls[name]}/__journal`, { headers: { "x-omakase-local": "1" } })).json()) as {
      entries: { operation: string; result?: string }[];
    }
  ).entries;

describe("a ticket that is moved to Todo", () => {
  test("is launched by a push, once though its delivery comes twice, and a viewer's inspector sees it happen", async () => {
    const viewer = inspect({ token: await signIn(stack.launch, "Vic") });
    await eventually(
      () => viewer.frames.some(({ sessionId }) => sessionId === `${PROJECT}/oma-1`),
      "the feature to be introduced",
    );
    await fetch(`${stack.launch.stack.urls.linear}/__faults`, {
      method: "POST",
      headers: { "x-omakase-local": "1" },
      body: JSON.stringify({ kind: "webhook-duplicate", match: "Issue" }),
    });
    await new Tickets(stack.launch).move("OMA-1", "Todo");
    const launches = async () =>
      (await journalOf("ecs")).filter(({ operation, result }) => operation === "RunTask" && result === "new");
    await eventually(async () => (await launches()).length > 0, "a task to be launched");
    await eventually(
      () => viewer.frames.some(({ type, event }) => type === "@xstate.event" && event?.type === "permit.granted"),
      "the step to be shown",
    );
    const deliveries = await eventually(() => {
      const stored = logged().filter(({ event, issue }) => event === "webhook.stored" && issue === "OMA-1");
      return new Set(stored.map(({ deliveryId }) => deliveryId)).size < stored.length && stored;
    }, "a delivery to be answered twice");
    expect(deliveries[0]).toMatchObject({ receivedAt: expect.any(Number), tookMs: expect.any(Number) });
    const isMove = ({ type, event, sessionId }: (typeof viewer.frames)[number]) =>
      type === "@xstate.event" && sessionId === `${PROJECT}/oma-1` && event?.type === "ticket.changed";
    const moves = viewer.frames.filter(isMove).length;
    expect(moves).toBeGreaterThan(0);
    expect(moves).toBeLessThanOrEqual(new Set(deliveries.map(({ deliveryId }) => deliveryId)).size);
    viewer.socket.close();
  }, 30_000);

  test("can be followed from where a viewer left off", async () => {
    const token = await signIn(stack.launch, "Vic");
    const after = `${PROJECT}/oma-1@1`;
    const viewer = inspect({ token, after });
    await eventually(
      () => viewer.frames.some(({ id, type }) => type === "@xstate.snapshot" && id === `${PROJECT}/oma-1@2`),
      "the next step",
    );
    expect(viewer.frames.some(({ type }) => type === "omakase.gap")).toBe(false);
    viewer.socket.close();
  });
});

describe("nobody else looks in", () => {
  test("not the orchestrator's own token, and not into another project", async () => {
    const { auth0 } = stack.launch.stack;
    const settings = {
      issuer: auth0.issuer,
      audience: auth0.audience,
      clientId: auth0.m2mClientId,
      clientSecret: stack.launch.secrets.auth0M2mClientSecret,
    };
    expect(await inspect({ token: await createServiceToken(settings, aLog().log)(false) }).closed).toBe(CLOSE.unauthenticated);
    expect(await inspect({ token: await signIn(stack.launch, "Dana"), project: "omakase/other" }).closed).toBe(CLOSE.forbidden);
  });
});

describe("the process", () => {
  const start = (env: Readonly<Record<string, string>>) =>
    Bun.spawn([process.execPath, join(import.meta.dir, "main.ts")], { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });

  test("on a taken port, or without its settings, ends with one sentence", async () => {
    const taken = start({ ...stack.launch.stack.orchestrator.env, ORCHESTRATOR_NAME: "second" });
    expect(await taken.exited).toBe(1);
    expect((await new Response(taken.stderr).text()).trim()).toMatch(
      /^port \d+ is taken: stop what listens there, or set PORT to another one$/,
    );
    const bare = start({ PATH: stack.launch.stack.orchestrator.env.PATH ?? "" });
    expect(await bare.exited).toBe(1);
    expect((await new Response(bare.stderr).text()).trim()).toMatch(/^these settings need mending: .*PUBLIC_URL is not set/);
  });

  test("says no secret in its log", () => {
    const text = readFileSync(join(stack.stateDir, "logs", "orchestrator.log"), "utf8");
    const { orchestratorSecret, linearApiKey, linearWebhookSecret, ecsEventsKey, modelApiKey, auth0M2mClientSecret } =
      stack.launch.secrets;
    for (const secret of [orchestratorSecret, linearApiKey, linearWebhookSecret, ecsEventsKey, modelApiKey, auth0M2mClientSecret])
      expect(text.includes(secret)).toBe(false);
  });

  test("on SIGTERM hands over and ends by itself within ten seconds", async () => {
    const pid = stack.launch.pidOf("orchestrator");
    process.kill(pid!, "SIGTERM");
    await eventually(() => logged().some(({ event }) => event === "orchestrator.stopped"), "it to stop");
  }, 15_000);
});
