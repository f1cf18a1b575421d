import { afterEach, describe, expect, test } from "bun:test";
import { type FeedDeps, type FeedView, InspectorFeed } from "./feed.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A real socket server that does what it is told with each caller's first frame. */
function setup(
  greet: (socket: Bun.ServerWebSocket<undefined>, auth: Record<string, unknown>, turn: number) => void,
  deps: Partial<FeedDeps> = {},
) {
  const asked: Record<string, unknown>[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: {
      message: (socket, text) => {
        const auth = JSON.parse(String(text)) as Record<string, unknown>;
        asked.push(auth);
        greet(socket, auth, asked.length);
      },
    },
  });
  const feed = new InspectorFeed({ url: `http://127.0.0.1:${server.port}`, project: "o/p", token: async () => "t", ...deps });
  const until = (holds: (view: FeedView) => boolean) =>
    new Promise<FeedView>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`still ${JSON.stringify(feed.read().state)}`)), 4_000);
      const look = () => {
        if (!holds(feed.read())) return;
        clearTimeout(timer);
        resolve(feed.read());
      };
      ends.push(feed.subscribe(look));
      look();
    });
  ends.push(() => void server.stop(true));
  return { feed, asked, until };
}

const ready = JSON.stringify({ type: "omakase.ready", project: "o/p" });
const actor = JSON.stringify({ type: "@xstate.actor", sessionId: "o/p", id: "o/p@1", name: "p", snapshot: { value: "idle" } });
const snapshot = JSON.stringify({
  type: "@xstate.snapshot",
  sessionId: "o/p",
  id: "o/p@2",
  createdAt: "1",
  event: { type: "go" },
  snapshot: { value: "busy" },
});

describe("inspector feed", () => {
  test("F1: after a break it resumes behind the last step it saw", async () => {
    const { asked, until } = setup((socket, _, turn) => {
      for (const text of turn === 1 ? [ready, actor, snapshot] : [ready]) socket.send(text);
      if (turn === 1) socket.close(4413, "too slow");
    });
    await until(({ state, picture }) => state.kind === "live" && picture.actors.size === 1 && asked.length === 2);
    expect(asked).toEqual([
      { type: "auth", token: "t", project: "o/p" },
      { type: "auth", token: "t", project: "o/p", after: "o/p@2" },
    ]);
  });

  test("F2: a refusal is told and not tried again", async () => {
    const { asked, until } = setup((socket) => socket.close(4403, "there is no such project for you"));
    const { state } = await until((view) => view.state.kind === "refused");
    expect(state).toEqual({ kind: "refused", reason: "There is no such project for you." });
    expect(asked).toHaveLength(1);
  });

  test("an expired token is renewed once, then the sign-in has ended", async () => {
    const asks: boolean[] = [];
    const token: FeedDeps["token"] = async ({ forceRefreshToken }) => {
      asks.push(forceRefreshToken);
      return "t";
    };
    const { until } = setup((socket) => socket.close(4401, "expired"), { token });
    await until(({ state }) => state.kind === "signedOut");
    expect(asks).toEqual([false, true]);
  });

  test("a server that is not there is tried again, and a person need not wait", async () => {
    const { feed, until } = setup(() => {}, { url: "http://127.0.0.1:1" });
    const { state } = await until((view) => view.state.kind === "offline");
    expect(state).toMatchObject({ reason: "The orchestrator cannot be reached." });
    feed.retry();
    expect(feed.read().state.kind).toBe("connecting");
  });

  test("nobody watching, no line", async () => {
    const { asked, feed } = setup((socket) => socket.send(ready));
    expect(feed.read().state.kind).toBe("connecting");
    expect(asked).toEqual([]);
  });
});
