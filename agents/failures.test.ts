// Everything that can go wrong in a run ends in an exit code, a class and a sentence: nothing hangs, nothing is lost.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bash, type Fault, fault, finish, say, ticket, write } from "@omakase/local-model/script";
import { hasClaude, TEST_TIMEOUT_MS, World } from "./testing/world.ts";

const done = finish({ summary: "Done.", changes: [], testsRun: "none" });
const coderThat = (key: string, what: Fault) =>
  ticket(key, {
    *coder() {
      yield fault(what);
      yield done;
    },
  });

let world: World;
beforeAll(async () => {
  world = await World.open([
    coderThat("BAD-1", { kind: "status", status: 400 }),
    coderThat("OVER-1", { kind: "status", status: 529 }),
    ticket("NON-1", {
      *coder() {
        while (true) yield fault({ kind: "nonsense" });
      },
    }),
    coderThat("EMPTY-1", { kind: "empty" }),
    coderThat("CUT-1", { kind: "cut" }),
    ticket("TALK-1", {
      *coder() {
        yield say("I would rather talk about tea.");
      },
    }),
    ticket("DENY-1", {
      *coder() {
        yield bash("curl -s http://127.0.0.1:1/");
        yield bash("git push origin HEAD");
        yield* write("tea.txt", "hot\n");
        yield done;
      },
    }),
    ticket("LOOP-1", {
      *coder() {
        yield* write("half.txt", "half\n");
        while (true) yield bash("git status --short");
      },
    }),
    ticket("SLOW-1", {
      *coder() {
        yield fault({ kind: "stall" });
      },
    }),
  ]);
});
afterAll(() => world.close());

describe.skipIf(!hasClaude)("a model that misbehaves", () => {
  test.each([
    ["BAD-1", "answered with an error (400)"],
    ["OVER-1", "answered with an error (529)"],
    ["NON-1", ""],
    ["EMPTY-1", ""],
    ["TALK-1", "I would rather talk about tea."],
  ])(
    "%s: the run fails as the agent's, says why and pushes nothing",
    async (key, reason) => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key } });
      expect({ exitCode, ...orchestrator.reported }).toMatchObject({ exitCode: 1, class: "agent", result: null, headSha: null });
      expect(orchestrator.reported?.reason).toContain(reason);
      expect(orchestrator.reported?.reason.length).toBeGreaterThan(10);
      expect(orchestrator.events.at(-1)).toMatchObject({ kind: "end", level: "error" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "CUT-1: an answer cut off in the middle, every time, ends in a failure with its reason",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "CUT-1" } });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported?.reason.length).toBeGreaterThan(10);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "retries of Claude Code are in the log",
    async () => {
      const { orchestrator } = await world.run({ ticket: { key: "OVER-1" } });
      expect(orchestrator.events.filter(({ kind }) => kind === "model.retry").map(({ data }) => data)).toMatchObject([
        { attempt: 1, maxRetries: 2, status: 529 },
        { attempt: 2, maxRetries: 2, status: 529 },
      ]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "denied tools are warnings: what was asked for is there, so the run succeeds",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "DENY-1" } });
      expect(exitCode).toBe(0);
      const denied = orchestrator.events.filter(({ kind }) => kind === "check.denied").map(({ text }) => text);
      expect(denied).toEqual([expect.stringContaining("curl"), expect.stringContaining("git push")]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "one that never ends is ended by the turns it has, and what it wrote is kept on the branch",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "LOOP-1" }, limits: { maxTurns: 3 } });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "agent", reason: expect.stringContaining("The turns ran out") });
      expect(await world.inClone("agent/loop-1", "git log -1 --format=%s; cat half.txt")).toBe(
        "wip: LOOP-1, cut off before it was done\nhalf",
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "one that says nothing at all is ended by the wall clock",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "SLOW-1" }, limits: { wallClockMs: 1_500 } });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "agent", reason: expect.stringContaining("took longer than") });
    },
    TEST_TIMEOUT_MS,
  );
});

describe.skipIf(!hasClaude)("surroundings that misbehave", () => {
  test(
    "a gateway that no longer knows the run is nobody's fault in the container",
    async () => {
      const orchestrator = await world.orchestrator({ ticket: { key: "TALK-1" } });
      orchestrator.gatewayStatus = 403;
      const { exitCode } = await (await world.start(orchestrator)).ended;
      await orchestrator.stop();
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "infrastructure" });
    },
    TEST_TIMEOUT_MS,
  );

  test.each([
    ["a repository that does not exist", { url: "nowhere.git" }],
    ["a token that is refused", { token: "ghs_not_a_token_at_all_0000" }],
    ["a default branch that is not there", { defaultBranch: "trunk" }],
  ])(
    "%s: infrastructure, with git's own reason and without the token",
    async (_, change) => {
      const url = `${world.github.url}/omakase/demo.git`;
      const repository = { ...change, ...("url" in change ? { url: url.replace("demo.git", change.url) } : {}) };
      const { exitCode, orchestrator, stderr } = await world.run({ ticket: { key: "TALK-1" }, repository });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "infrastructure", headSha: null });
      expect(orchestrator.reported?.reason).toMatch(/cannot be read|has no branch "trunk"/);
      expect(orchestrator.everything() + stderr).not.toContain("ghs_not_a_token");
      expect(orchestrator.kinds()).not.toContain("model.start");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a push that is refused fails the run as infrastructure",
    async () => {
      const token = await world.github.token({ contents: "read" });
      const { exitCode, orchestrator } = await world.run({
        ticket: { key: "DENY-1" },
        repository: { token, branch: "agent/readonly" },
      });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({
        class: "infrastructure",
        reason: expect.stringContaining("could not be pushed"),
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "an orchestrator that loses every second answer still gets everything, once and in order",
    async () => {
      const orchestrator = await world.orchestrator({ ticket: { key: "DENY-1" }, repository: { branch: "agent/flaky" } });
      let calls = 0;
      orchestrator.fault = () => {
        calls += 1;
        return calls % 4 === 1 ? "after" : calls % 4 === 3 ? "before" : null;
      };
      const { exitCode } = await (await world.start(orchestrator)).ended;
      await orchestrator.stop();
      expect(exitCode).toBe(0);
      expect(new Set(orchestrator.claims).size).toBe(1);
      expect(orchestrator.claims.length).toBeGreaterThan(1);
      expect(orchestrator.events.map(({ seq }) => seq)).toEqual(orchestrator.events.map((_, index) => index + 1));
      expect(orchestrator.kinds().filter((kind) => kind === "end")).toEqual(["end"]);
      expect(orchestrator.reported?.exitCode).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a run that is not ours", () => {
  test("is left alone when somebody else has claimed it: exit 0, nothing said", async () => {
    const orchestrator = await world.orchestrator({ ticket: { key: "TALK-1" } });
    orchestrator.holder = "another-container";
    const { exitCode, left } = await (await world.start(orchestrator)).ended;
    await orchestrator.stop();
    expect(exitCode).toBe(0);
    expect([orchestrator.events, orchestrator.reported, orchestrator.heartbeats]).toEqual([[], null, 0]);
    expect(left).not.toContain("omakase-run");
  });

  test("cannot be claimed with a wrong code: exit 1, asked once", async () => {
    const orchestrator = await world.orchestrator({ ticket: { key: "TALK-1" } });
    const { exitCode, stderr } = await (await world.start(orchestrator, { OMAKASE_CODE: "guessed" })).ended;
    await orchestrator.stop();
    expect(exitCode).toBe(1);
    expect(orchestrator.claims).toHaveLength(1);
    expect(stderr).toContain("run.not_begun");
  });

  test("does not begin without its three variables, and names the missing ones", async () => {
    const orchestrator = await world.orchestrator({});
    const { exitCode, stderr } = await (await world.start(orchestrator, { OMAKASE_CODE: "", OMAKASE_RUN: "" })).ended;
    await orchestrator.stop();
    expect(exitCode).toBe(1);
    expect(stderr).toContain("Set OMAKASE_RUN, OMAKASE_CODE");
  });
});
