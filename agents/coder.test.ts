// The coder from claim to report: the real Claude Code, real git over HTTP, a scripted model.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bash, finish, read, ticket, write } from "@omakase/local-model/script";
import { hasClaude, TEST_TIMEOUT_MS, World } from "./testing/world.ts";

const done = (summary = "Tea is served. It was not before.") =>
  finish({ summary, changes: [{ path: "tea.txt", why: "asked for" }], testsRun: "none" });

let world: World;
beforeAll(async () => {
  const servesTea = {
    *coder() {
      yield* write("tea.txt", "hot\n");
      yield done();
    },
  } as const;
  world = await World.open([
    ...["TEA-1", "TEA-2", "TEA-3", "BASE-1", "BASE-2", "BASE-3", "TOKEN-1", "RACE-1"].map((key) => ticket(key, servesTea)),
    ticket("IDLE-1", {
      *coder() {
        yield read("README.md");
        yield done("Everything is done already.");
      },
    }),
    ticket("NEST-1", {
      *coder() {
        yield* write("tea.txt", "hot\n");
        yield bash("mkdir -p node_modules/x inner");
        yield bash(
          "bun -e 'await Bun.$`cd inner && git init -q && touch a && git add a && git -c user.name=x -c user.email=x commit -qm a`'",
        );
        yield* write("node_modules/x/index.js", "1\n");
        yield done();
      },
    }),
  ]);
});
afterAll(() => world.close());

describe.skipIf(!hasClaude)("the coder", () => {
  test(
    "commits what it changed to agent/<feature>, pushes it, reports it and leaves nothing on the disk",
    async () => {
      const { exitCode, orchestrator, left } = await world.run({ ticket: { key: "TEA-1" } });
      expect({ exitCode, reported: orchestrator.reported }).toMatchObject({
        exitCode: 0,
        reported: { exitCode: 0, class: null, reason: "", result: { summary: "Tea is served. It was not before." } },
      });
      expect(await world.inClone("agent/tea-1", "git rev-parse HEAD; cat tea.txt")).toBe(
        `${orchestrator.reported?.headSha}\nhot`,
      );
      expect(await world.inClone("agent/tea-1", "git log -1 --format='%an <%ae>|%B'")).toBe(
        [
          "Omakase coder <coder@agents.omakase.dev>|TEA-1: Tea is served",
          "",
          "Tea is served. It was not before.",
          "",
          "- tea.txt: asked for",
          "",
          "Omakase-Run: acme/shop/tea-1/coder-1:3:1",
          "Omakase-Agent: acme/shop/tea-1/coder-1",
        ].join("\n"),
      );
      expect(left).not.toContain("omakase-run");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "tells what it does as it happens: every step, numbered from 1 without a gap, and what it used",
    async () => {
      const { orchestrator } = await world.run({ ticket: { key: "TEA-2" } });
      expect(orchestrator.events.map(({ seq }) => seq)).toEqual(orchestrator.events.map((_, index) => index + 1));
      const kinds = ["prepare.clone", "prepare.branch", "model.start", "tool.call", "tool.result", "usage", "push", "end"];
      expect(orchestrator.kinds()).toEqual(expect.arrayContaining(kinds));
      expect(orchestrator.events.find(({ kind }) => kind === "tool.call")?.text).toBe("Write tea.txt");
      expect(orchestrator.events.find(({ kind }) => kind === "tool.result")?.data).toMatchObject({
        isError: false,
        name: "Write",
      });
      const { usage } = orchestrator.reported ?? {};
      expect(usage).toEqual({ ...usage!, turns: 3 });
      expect([usage?.outputTokens, usage?.costUsd].every((amount) => (amount ?? 0) > 0)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that says it is done and changed nothing fails, as the agent's fault, and pushes nothing",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "IDLE-1" } });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ exitCode: 1, class: "agent", result: null, headSha: null });
      expect(orchestrator.reported?.reason).toContain("there is no new commit");
      expect(await world.inClone("agent/idle-1", "true")).toContain("agent/idle-1");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that is tried again after its work was pushed does not do it twice, and succeeds",
    async () => {
      const first = await world.run({ ticket: { key: "TEA-3" } });
      const again = await world.run({ ticket: { key: "TEA-3" }, attempt: 2 });
      expect(again.exitCode).toBe(0);
      expect(again.orchestrator.reported?.headSha).toBe(first.orchestrator.reported?.headSha ?? "none");
      expect(await world.inClone("agent/tea-3", "git rev-list --count origin/main..HEAD")).toBe("1");
      // A later run of the role was asked for something: then the same content is not enough.
      const nextRound = await world.run({ ticket: { key: "TEA-3" }, round: 2 });
      expect(nextRound.orchestrator.reported).toMatchObject({ exitCode: 1, class: "agent" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "starts from a blocker's branch, and from several with all of them merged in",
    async () => {
      await world.github.push("agent/soup", { "soup.txt": "miso\n" });
      await world.github.push("agent/rice", { "rice.txt": "white\n" });
      const one = await world.run({ ticket: { key: "BASE-1" }, repository: { bases: ["agent/soup", "agent/gone"] } });
      expect(one.exitCode).toBe(0);
      expect(await world.inClone("agent/base-1", "git log --format=%s origin/agent/soup..HEAD")).toBe("BASE-1: Tea is served");
      expect(one.orchestrator.events.find(({ kind }) => kind === "prepare.base")?.text).toContain("agent/gone");

      const two = await world.run({ ticket: { key: "BASE-2" }, repository: { bases: ["agent/soup", "agent/rice"] } });
      expect(two.exitCode).toBe(0);
      expect(await world.inClone("agent/base-2", "cat soup.txt rice.txt tea.txt")).toBe("miso\nwhite\nhot");
      const continued = await world.run({
        ticket: { key: "BASE-2" },
        round: 2,
        repository: { bases: ["agent/soup", "agent/rice"] },
      });
      expect(continued.orchestrator.reported?.reason).toContain("no new commit"); // the merge of the bases is not taken for work
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "whose blockers contradict each other fails before any model is asked, naming the file",
    async () => {
      await world.github.push("agent/left", { "menu.txt": "left\n" });
      await world.github.push("agent/right", { "menu.txt": "right\n" });
      const { exitCode, orchestrator } = await world.run({
        ticket: { key: "BASE-3" },
        repository: { bases: ["agent/left", "agent/right"] },
      });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({
        class: "agent",
        reason: expect.stringContaining("agent/right conflicts in menu.txt"),
      });
      expect(orchestrator.kinds()).not.toContain("model.start");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "asks for a fresh token when its own is about to expire",
    async () => {
      const { exitCode } = await world.run({
        ticket: { key: "TOKEN-1" },
        repository: { token: "expired-long-ago", tokenExpiresAt: Date.now() },
      });
      expect(exitCode).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "commits neither dependencies nor a repository it made inside the repository",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "NEST-1" } });
      expect(exitCode).toBe(0);
      expect(await world.inClone("agent/nest-1", "git ls-files")).toBe("README.md\ntea.txt");
      expect(orchestrator.events.some(({ text }) => text.includes("inner is a repository of its own"))).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );
});
