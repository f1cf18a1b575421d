// `/inspect` over real WebSockets, with tokens of a real issuer and a log that the test writes.

import { afterEach, describe, expect, test } from "bun:test";
import { ConvexError } from "convex/values";
import { Elysia } from "elysia";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { aLog, eventually } from "../testing/edge.ts";
import { type InspectorDeps, inspector, WEB_SOCKET_SETTINGS } from "./inspector.ts";
import type { LoggedStep, StoredActor } from "./messages.ts";
import { createVerifyPerson } from "./person-token.ts";
import type { LogPage, ProjectLog } from "./project-log.ts";
import { CLOSE } from "./wire.ts";

const PROJECT = "omakase/sample";
const FEATURE = `${PROJECT}/oma-1`;
const AUDIENCE = "https://api.test";
const PAGE = 10;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const { publicKey, privateKey } = await generateKeyPair("RS256");
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256", use: "sig" }] };

/** A project's log in memory, with the pages Convex would give. */
class TestLog implements ProjectLog {
  readonly steps: LoggedStep[] = [];
  readonly actors = new Map<string, StoredActor>();
  pages = 0;
  isClosed = false;
  fails: Error | null = null;
  private watcher: { onNewest: (page: LogPage) => void; onError: (error: Error) => void } | null = null;

  constructor() {
    this.born(PROJECT, { value: { active: "idle" }, context: { address: PROJECT, secret: "x" } });
    this.born(FEATURE, {
      value: { work: "pending", hold: "running" },
      context: { address: FEATURE, note: "a person's words", failure: `sk-ant-${"a".repeat(30)}` },
    });
  }

  born(address: string, snapshot: object, sequence = 0): void {
    this.actors.set(address, { address, sequence, status: "active", snapshot: JSON.stringify(snapshot) });
  }

  commit(over: Partial<LoggedStep> = {}): void {
    this.steps.push({
      actor: FEATURE,
      sequence: this.steps.length + 1,
      event: '{"type":"start","at":1,"by":"Dana"}',
      cause: { kind: "person", name: "Dana" },
      to: "work.queued hold.running",
      at: 1_000 + this.steps.length,
      ...over,
    });
  }
  push(): void {
    this.watcher?.onNewest(this.slice(0));
  }
  deny(error: Error): void {
    this.watcher?.onError(error);
  }

  private slice(from: number): LogPage {
    const newest = [...this.steps].reverse();
    return { steps: newest.slice(from, from + PAGE), next: from + PAGE < newest.length ? String(from + PAGE) : null };
  }

  find = async (project: string) => {
    if (this.fails) throw this.fails;
    return project === PROJECT || project === "sample" ? PROJECT : null;
  };
  living = async () => [PROJECT, FEATURE];
  actor = async (address: string) => this.actors.get(address) ?? null;
  page = async (_: string, cursor: string | null) => {
    this.pages++;
    return this.slice(Number(cursor));
  };
  watch = (_: string, onNewest: (page: LogPage) => void, onError: (error: Error) => void) => {
    this.watcher = { onNewest, onError };
    queueMicrotask(() => this.push());
    return () => {
      this.watcher = null;
    };
  };
  close = async () => {
    this.isClosed = true;
  };
}

type Frame = Record<string, unknown> & { type: string; id?: string; sessionId?: string };

function setup(over: Partial<InspectorDeps> = {}) {
  const log = new TestLog();
  let opened = 0;
  const issuer = Bun.serve({ port: 0, hostname: "localhost", fetch: () => Response.json(keys) });
  ends.push(() => issuer.stop(true));
  const issuerUrl = `http://localhost:${issuer.port}/`;
  const app = new Elysia({ websocket: WEB_SOCKET_SETTINGS })
    .use(
      inspector({
        verify: createVerifyPerson({ issuer: issuerUrl, audience: AUDIENCE }),
        open: () => {
          opened++;
          return log;
        },
        webOrigin: "http://web.test",
        log: aLog().log,
        ...over,
      }),
    )
    .listen({ port: 0, hostname: "127.0.0.1" });
  ends.push(() => app.stop(true));
  const url = `ws://127.0.0.1:${app.server!.port}/inspect`;
  const token = (sub = "auth0|vic", expires = "1h", claims: object = {}) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .setIssuer(issuerUrl)
      .setAudience(AUDIENCE)
      .setSubject(sub)
      .setExpirationTime(expires)
      .sign(privateKey);

  const connect = (first: unknown, headers: Record<string, string> = {}) => {
    const socket = new WebSocket(url, { headers } as unknown as string[]);
    const frames: Frame[] = [];
    const closed = Promise.withResolvers<number>();
    socket.onopen = () => {
      if (first !== undefined) socket.send(typeof first === "string" ? first : JSON.stringify(first));
    };
    socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)) as Frame);
    socket.onclose = ({ code }) => closed.resolve(code);
    ends.push(() => socket.close());
    const until = (count: number) => eventually(() => frames.length >= count, `${count} frames, of which came ${frames.length}`);
    const steps = () => frames.filter(({ type }) => type === "@xstate.snapshot").map(({ id }) => id);
    return { socket, frames, closed: closed.promise, until, steps };
  };
  return { log, connect, token, opened: () => opened };
}

describe("strangers", () => {
  test.each([
    ["garbage", "not json", CLOSE.malformed],
    ["no token", { type: "auth", project: PROJECT }, CLOSE.malformed],
    ["a token that is none", { type: "auth", token: "x.y.z", project: PROJECT }, CLOSE.unauthenticated],
  ])("with %s are turned away before a log is opened", async (_, first, code) => {
    const { connect, opened } = setup();
    const { closed, frames } = connect(first);
    expect(await closed).toBe(code);
    expect([frames, opened()]).toEqual([[], 0]);
  });

  test("with a machine's token, an expired one, or one for another API are turned away", async () => {
    const { connect, token, opened } = setup();
    for (const bad of [
      await token("client@clients"),
      await token("auth0|vic", "-1 minute"),
      (await token()).replace(/.{10}$/, "AAAAAAAAAA"),
    ]) {
      expect(await connect({ type: "auth", token: bad, project: PROJECT }).closed).toBe(CLOSE.unauthenticated);
    }
    expect(opened()).toBe(0);
  });

  test("of another organisation hear that there is no such project, and the log is closed", async () => {
    const { connect, token, log } = setup();
    const { closed, frames } = connect({ type: "auth", token: await token(), project: "others/secret" });
    expect(await closed).toBe(CLOSE.forbidden);
    expect(frames).toEqual([]);
    await eventually(() => log.isClosed, "the log to be closed");
  });

  test("on a page of another origin cannot even connect", async () => {
    const { connect, token } = setup();
    const auth = { type: "auth", token: await token(), project: PROJECT };
    expect(await connect(auth, { origin: "http://evil.test" }).closed).not.toBe(CLOSE.unauthenticated);
    const ours = connect(auth, { origin: "http://web.test" });
    await ours.until(1);
  });

  test("who say nothing are cut off", async () => {
    const { connect } = setup({ authTimeoutMs: 20 });
    expect(await connect(undefined).closed).toBe(CLOSE.authTimeout);
  });
});

describe("a member", () => {
  test("is shown the living actors with definition and state, and of their context only what is listed", async () => {
    const { connect, token } = setup();
    const { frames, until } = connect({ type: "auth", token: await token(), project: "sample" });
    await until(3);
    expect(frames[0]).toEqual({ type: "omakase.ready", project: PROJECT });
    expect(frames[2]).toMatchObject({
      type: "@xstate.actor",
      sessionId: FEATURE,
      parentId: PROJECT,
      rootId: PROJECT,
      name: "oma-1",
      snapshot: {
        status: "active",
        value: { work: "pending", hold: "running" },
        context: { address: FEATURE, failure: "[masked]" },
      },
    });
    expect(JSON.stringify(frames)).not.toContain("a person's words");
    expect(JSON.parse(String(frames[2]!.definition))).toMatchObject({ id: "feature", type: "parallel" });
  });

  test("F1: then hears every step in order, an actor being introduced before its first", async () => {
    const { connect, token, log } = setup();
    const { frames, until } = connect({ type: "auth", token: await token(), project: PROJECT });
    await until(3);
    const agent = `${FEATURE}/coder-1`;
    log.commit();
    log.born(agent, { value: "provisioning", context: { role: "coder" } }, 1);
    log.commit({
      actor: agent,
      sequence: 1,
      event: '{"type":"task.accepted","taskArn":"arn:secret"}',
      cause: { kind: "effect", name: "e" },
      to: "provisioning",
    });
    log.push();
    await until(8);
    expect(frames.slice(3).map(({ type, id }) => `${type} ${id}`)).toEqual([
      `@xstate.event ${FEATURE}@1`,
      `@xstate.snapshot ${FEATURE}@1`,
      `@xstate.actor ${agent}@1`,
      `@xstate.event ${agent}@1`,
      `@xstate.snapshot ${agent}@1`,
    ]);
    expect(frames[3]).toMatchObject({
      sessionId: FEATURE,
      sourceId: "person",
      createdAt: "1000",
      event: { type: "start", by: "Dana" },
    });
    expect(frames[4]).toMatchObject({ snapshot: { value: { work: "queued", hold: "running" } } });
    expect(frames[7]).toMatchObject({ snapshot: { value: "provisioning", context: { role: "coder" } } });
    expect(JSON.stringify(frames)).not.toContain("arn:secret");
  });

  test("F2: resumes where it was, however many pages ago, with nothing left out and nothing twice", async () => {
    const { connect, token, log } = setup();
    for (let step = 1; step <= 35; step++) log.commit();
    const { steps, frames, until } = connect({ type: "auth", token: await token(), project: PROJECT, after: `${FEATURE}@5` });
    await until(3 + 60);
    expect(steps()).toEqual(Array.from({ length: 30 }, (_, at) => `${FEATURE}@${at + 6}`));
    log.commit();
    log.push();
    log.push();
    await until(3 + 62);
    expect(steps().at(-1)).toBe(`${FEATURE}@36`);
    expect(frames.some(({ type }) => type === "omakase.gap")).toBe(false);
  });

  test("F2: is told of the gap when the place it asks for is not in the log", async () => {
    const { connect, token, log } = setup();
    log.commit();
    const { frames, until } = connect({ type: "auth", token: await token(), project: PROJECT, after: "elsewhere@1" });
    await until(4);
    expect(frames.find(({ type }) => type === "omakase.gap")).toEqual({ type: "omakase.gap", lost: "unknown position" });
  });

  test("F3: loses nothing of a burst that is longer than a page", async () => {
    const { connect, token, log } = setup();
    const { steps, until } = connect({ type: "auth", token: await token(), project: PROJECT });
    await until(3);
    for (let step = 1; step <= 25; step++) log.commit();
    log.push();
    await until(3 + 50);
    expect(steps()).toHaveLength(25);
    expect(log.pages).toBe(2);
  });

  test("I3: hears nothing after its token has expired, or its membership ended", async () => {
    const { connect, token, log } = setup();
    const short = connect({ type: "auth", token: await token("auth0|vic", "2s"), project: PROJECT });
    await short.until(3);
    expect(await short.closed).toBe(CLOSE.unauthenticated);
    const former = connect({ type: "auth", token: await token(), project: PROJECT });
    await former.until(3);
    log.deny(new ConvexError({ code: "forbidden", message: "There is nothing here for you" }));
    expect(await former.closed).toBe(CLOSE.forbidden);
  });

  test("is asked to come back when the log cannot be read", async () => {
    const { connect, token, log } = setup();
    log.fails = new Error("no connection");
    expect(await connect({ type: "auth", token: await token(), project: PROJECT }).closed).toBe(CLOSE.unavailable);
  });

  test("I2: that does not read is cut", async () => {
    const { connect, token, log } = setup({ maxBufferedBytes: -1 });
    log.commit();
    expect(await connect({ type: "auth", token: await token(), project: PROJECT }).closed).toBe(CLOSE.slow);
  });

  test("that says more than the first frame is cut", async () => {
    const { connect, token } = setup();
    const { socket, until, closed } = connect({ type: "auth", token: await token(), project: PROJECT });
    await until(1);
    socket.send("{}");
    expect(await closed).toBe(CLOSE.malformed);
  });
});
