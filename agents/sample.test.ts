// All four roles in a row on the sample repository, with the scripts of the demo: what one leaves, the next one finds.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadScripts } from "@omakase/local-model/library";
import { hasClaude, TEST_TIMEOUT_MS, World } from "./testing/world.ts";

const MODEL = dirname(fileURLToPath(import.meta.resolve("@omakase/local-model/library")));
const SAMPLE = join(MODEL, "../sample/repository");

let world: World;
beforeAll(async () => {
  world = await World.open(await loadScripts(join(MODEL, "scripts")));
  const names = await readdir(SAMPLE, { recursive: true, withFileTypes: true });
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(
    paths.map(async (path) => [path.slice(SAMPLE.length + 1), await readFile(path, "utf8")] as const),
  );
  await world.repositoryWith("kitchen", Object.fromEntries(files));
});
afterAll(() => world.close());

const repository = { defaultBranch: "kitchen" };

describe.skipIf(!hasClaude)("the sample", () => {
  test(
    "OMA-4: the first try is sent back by the reviewer, the second one passes review and test",
    async () => {
      const as = (role: "architect" | "coder" | "reviewer" | "tester", round: number) =>
        world.run({ role, round, ticket: { key: "OMA-4" }, repository, testCommand: "bun test" });
      const codes = [];
      const steps = [
        ["architect", 1],
        ["coder", 1],
        ["reviewer", 1],
        ["coder", 2],
        ["reviewer", 2],
        ["tester", 1],
      ] as const;
      for (const [role, round] of steps) codes.push((await as(role, round)).exitCode);
      expect(codes).toEqual([0, 0, 2, 0, 0, 0]);
      expect(
        await world.inClone(
          "agent/oma-4",
          "git rev-list --count origin/kitchen..HEAD; bun test ./acceptance/oma-4.ts 2>&1 | grep -c fail",
        ),
      ).toBe("2\n1"); // two commits, and one line about failures: "0 fail"
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a ticket nobody wrote a script for is quoted word for word, and nothing else of the prompt",
    async () => {
      const { exitCode } = await world.run({
        ...{ ticket: { key: "OMA-77", title: "Serve tea", description: "With a cup." }, repository, testCommand: "bun test" },
      });
      expect(exitCode).toBe(0);
      const note = await world.inClone("agent/oma-77", "cat docs/tickets/OMA-77.md");
      expect(note).toContain("Title: Serve tea\nAddress: https://linear.app/x\n\nWith a cup.\n```");
    },
    TEST_TIMEOUT_MS,
  );
});
