// A run that is told to stop in the middle, by ECS or by the orchestrator: what was done is pushed, the reason is said, nobody is left.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "@omakase/local-github/contract/setup";
import { bash, fault, finish, ticket, write } from "@omakase/local-model/script";
import { hasClaude, TEST_TIMEOUT_MS, World } from "./testing/world.ts";

let world: World;
beforeAll(async () => {
  world = await World.open([
    ...["STOP-1", "STOP-2", "STOP-3"].map((key) =>
      ticket(key, {
        *coder() {
          yield* write("half.txt", "half done\n");
          yield fault({ kind: "stall" });
        },
        *reviewer() {
          yield fault({ kind: "stall" });
        },
      }),
    ),
    ticket("LEFT-1", {
      *coder() {
        yield* write("tea.txt", "hot\n");
        // Leaves the group and the session, as a hostile test suite could.
        yield bash(
          `bun -e 'Bun.spawn(["setsid", "sleep", "300"], { stdio: ["ignore", "ignore", "ignore"], detached: true }).unref()'`,
        );
        yield finish({ summary: "Done.", changes: [], testsRun: "none" });
      },
    }),
  ]);
});
afterAll(() => world.close());

const hasWritten = (kinds: readonly string[]) => kinds.includes("tool.result");

describe.skipIf(!hasClaude)("a run that is told to stop", () => {
  test(
    "by SIGTERM pushes the work in progress as `wip:` and reports infrastructure, within its 20 s",
    async () => {
      const orchestrator = await world.orchestrator({ ticket: { key: "STOP-1" } });
      const { kill, ended } = await world.start(orchestrator);
      await until("the file", () => hasWritten(orchestrator.kinds()));
      const askedAt = performance.now();
      kill("SIGTERM");
      kill("SIGTERM"); // a second one changes nothing
      const { exitCode, left } = await ended;
      await orchestrator.stop();
      expect(exitCode).toBe(1);
      expect(performance.now() - askedAt).toBeLessThan(20_000);
      expect(orchestrator.reported).toMatchObject({
        exitCode: 1,
        class: "infrastructure",
        reason: "The container was told to stop.",
      });
      const [subject, content, head] = (
        await world.inClone("agent/stop-1", "git log -1 --format=%s; cat half.txt; git rev-parse HEAD")
      ).split("\n");
      expect([subject, content]).toEqual(["wip: STOP-1, cut off before it was done", "half done"]);
      expect(head).toBe(orchestrator.reported?.headSha ?? "none");
      expect(left).not.toContain("omakase-run");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "by the orchestrator does the same, and gives the orchestrator's reason",
    async () => {
      const orchestrator = await world.orchestrator({ ticket: { key: "STOP-2" } });
      const { ended } = await world.start(orchestrator);
      await until("the file", () => hasWritten(orchestrator.kinds()));
      orchestrator.stopReason = "Dana cancelled the ticket";
      // The next heartbeat may be 10 s away; a SIGTERM-free stop is heard with it.
      const { exitCode } = await ended;
      await orchestrator.stop();
      expect(exitCode).toBe(1);
      expect(orchestrator.heartbeats).toBeGreaterThan(0);
      expect(orchestrator.reported).toMatchObject({ class: "infrastructure", reason: "Stopped: Dana cancelled the ticket" });
      expect(await world.inClone("agent/stop-2", "cat half.txt")).toBe("half done");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "as a reviewer pushes nothing",
    async () => {
      await world.github.push("agent/stop-3", { "tea.txt": "hot\n" });
      const orchestrator = await world.orchestrator({ ticket: { key: "STOP-3" }, role: "reviewer" });
      const { kill, ended } = await world.start(orchestrator);
      await until("the start", () => orchestrator.kinds().includes("model.start"));
      kill("SIGTERM");
      const { exitCode } = await ended;
      await orchestrator.stop();
      expect(exitCode).toBe(1);
      expect(orchestrator.kinds()).not.toContain("push");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "after its work is done, ends what its agent left running",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "LEFT-1" } });
      expect(exitCode).toBe(0);
      expect(orchestrator.events.find(({ kind }) => kind === "claude.leftovers")?.text).toContain("1 processes");
    },
    TEST_TIMEOUT_MS,
  );
});
