// Architect, reviewer and tester: what counts as done, what sends the work back, and whose word is not taken.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bash, finish, ticket, write } from "@omakase/local-model/script";
import { hasClaude, TEST_TIMEOUT_MS, World } from "./testing/world.ts";

const plan = { summary: "Make tea.", plan: "Boil water.", steps: ["boil"], acceptance: ["hot"], files: ["tea.txt"] };
const remark = (path: string) => ({ path, line: 1, severity: "major" as const, message: "Too cold." });
const evidence = [{ check: "by eye", passed: true, output: "looks fine" }];

let world: World;
beforeAll(async () => {
  world = await World.open([
    ticket("R-1", {
      *architect() {
        yield bash("git ls-files");
        yield finish(plan);
      },
      *reviewer() {
        yield bash("git diff omakase-base...HEAD");
        yield finish({
          verdict: "request_changes",
          summary: "The tea is cold.",
          remarks: [remark("./tea.txt"), remark("README.md")],
        });
      },
      *tester() {
        yield finish({ verdict: "fail", summary: "It is cold.", command: "cat tea.txt", evidence });
      },
    }),
    ticket("R-2", {
      *architect() {
        yield finish({ ...plan, plan: " \n" });
      },
      *reviewer() {
        yield finish({ verdict: "request_changes", summary: "Elsewhere.", remarks: [remark("README.md")] });
      },
      *tester() {
        // A lying tester: makes the check pass in its own copy, then says so.
        yield* write("tea.txt", "hot\n");
        yield finish({ verdict: "pass", summary: "All is well.", command: "grep hot tea.txt", evidence });
      },
    }),
    ticket("R-3", {
      *reviewer() {
        yield finish({ verdict: "approve", summary: "Good tea.", remarks: [] });
      },
      *tester() {
        yield finish({ verdict: "pass", summary: "All is well.", command: "grep cold tea.txt", evidence });
      },
    }),
    ticket("R-4", {
      *tester() {
        yield finish({ verdict: "pass", summary: "Trust me.", command: "true", evidence: [] });
      },
    }),
  ]);
  for (const key of ["r-1", "r-2", "r-3", "r-4"]) await world.github.push(`agent/${key}`, { "tea.txt": "cold\n" });
});
afterAll(() => world.close());

describe.skipIf(!hasClaude)("the architect", () => {
  test(
    "hands on its plan, with a token that may only read",
    async () => {
      const { exitCode, orchestrator } = await world.run({
        ticket: { key: "R-1" },
        role: "architect",
        repository: { branch: "agent/new" },
      });
      expect(exitCode).toBe(0);
      expect(orchestrator.reported).toMatchObject({ class: null, result: plan, headSha: null });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "without a plan has not done its work",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-2" }, role: "architect" });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "agent", reason: "The architect's plan is empty." });
    },
    TEST_TIMEOUT_MS,
  );
});

describe.skipIf(!hasClaude)("the reviewer", () => {
  test(
    "that asks for changes ends with exit 2 and the verdict; a remark beside the diff moves into the summary",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-1" }, role: "reviewer" });
      expect(exitCode).toBe(2);
      expect(orchestrator.reported).toMatchObject({
        exitCode: 2,
        class: "verdict",
        reason: expect.stringContaining("The tea is cold."),
      });
      expect(orchestrator.reported?.result?.remarks).toEqual([remark("tea.txt")]);
      expect(orchestrator.reported?.result?.summary).toContain("README.md:1: Too cold.");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that asks for changes only in files the branch does not touch has not reviewed it",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-2" }, role: "reviewer" });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "agent", reason: expect.stringContaining("README.md") });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has nothing to judge on a branch that is not there, and asks no model",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-9" }, role: "reviewer" });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported).toMatchObject({ class: "agent", reason: expect.stringContaining("nothing to judge") });
      expect(orchestrator.kinds()).not.toContain("model.start");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that approves ends with exit 0, and names the commit it approved",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-3" }, role: "reviewer" });
      expect(exitCode).toBe(0);
      expect(orchestrator.reported?.headSha).toBe(await world.inClone("agent/r-3", "git rev-parse HEAD"));
    },
    TEST_TIMEOUT_MS,
  );
});

describe.skipIf(!hasClaude)("the tester", () => {
  test(
    "that says fail ends with exit 2",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-1" }, role: "tester", testCommand: "true" });
      expect(exitCode).toBe(2);
      expect(orchestrator.reported).toMatchObject({ class: "verdict", reason: "It is cold." });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that says pass is overruled when the project's own command fails on the committed branch",
    async () => {
      const { exitCode, orchestrator } = await world.run({
        ticket: { key: "R-2" },
        role: "tester",
        testCommand: "echo looking && grep hot tea.txt",
      });
      expect(exitCode).toBe(2);
      expect(orchestrator.reported?.result).toMatchObject({
        verdict: "fail",
        command: "echo looking && grep hot tea.txt",
        evidence: [{ passed: false, output: "looking" }, evidence[0]!],
      });
      expect(orchestrator.reported?.reason).toContain("exit 1");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that says pass passes when the command agrees",
    async () => {
      const { exitCode, orchestrator } = await world.run({
        ticket: { key: "R-3" },
        role: "tester",
        testCommand: "grep cold tea.txt",
      });
      expect(exitCode).toBe(0);
      expect(orchestrator.events.findLast(({ kind }) => kind === "check.test")).toMatchObject({ data: { passed: true } });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "without evidence has not tested",
    async () => {
      const { exitCode, orchestrator } = await world.run({ ticket: { key: "R-4" }, role: "tester" });
      expect(exitCode).toBe(1);
      expect(orchestrator.reported?.class).toBe("agent");
    },
    TEST_TIMEOUT_MS,
  );
});
