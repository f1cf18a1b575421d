// Would the tests notice? Each guard is taken out in a process of its own, and a suite that is green otherwise has to go red.

import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { MUTANTS, type Mutant } from "./mutants.ts";

const ROOT = resolve(import.meta.dir, "../..");

async function run(
  { guard, suite }: Pick<Mutant, "guard" | "suite">,
  more: Record<string, string> = {},
): Promise<{ code: number; said: string }> {
  const [command, ...rest] = suite;
  const preload = ["--preload", resolve(import.meta.dir, "mutate.ts")];
  const words = command === "test" ? ["test", ...preload, ...rest] : [...preload, ...suite];
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", NO_COLOR: "1", OMAKASE_MUTANT: guard, ...more },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, said: out + err };
}

describe("without one of its guards", () => {
  test.each(MUTANTS.map((mutant) => [mutant.guard, mutant] as const))(
    "%s: the suite goes red",
    async (_, mutant) => {
      const { code, said } = await run(mutant);
      expect(said).not.toContain("MUTATION");
      // Red for what it found, not because it could not run.
      expect(said).toMatch(/\(fail\)|^seed \d+: /m);
      expect(code).not.toBe(0);
    },
    60_000,
  );

  test("the way it is taken out changes nothing else: with the guard in its place the suites are green", async () => {
    const suites = [MUTANTS.at(-1), MUTANTS.find(({ guard }) => guard.startsWith("frozen"))];
    for (const mutant of suites) {
      const { code, said } = await run(mutant ?? { guard: "", suite: [] }, { OMAKASE_MUTANT_CONTROL: "1" });
      expect([code, said]).toEqual([0, expect.not.stringContaining("(fail)")]);
    }
  }, 60_000);

  test("a guard that is not where it was is an error, not a green suite", async () => {
    const { code, said } = await run({ guard: "one nobody has heard of", suite: MUTANTS[0]?.suite ?? [] });
    expect([code === 0, said.includes("MUTATION: there is no mutant")]).toEqual([false, true]);
  });
});
