// The benchmark writes steps by hand, as the host sends them: it has to keep up with what `host.commit` takes.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../headless.ts";

test("`bun run bench:steps` stores what it measures, and ends with one line of JSON", async () => {
  const bench = Bun.spawn([process.execPath, join(ROOT, "local/system/bench/steps.ts"), "--rows", "1,Batch64"], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, errors, code] = await Promise.all([
    new Response(bench.stdout).text(),
    new Response(bench.stderr).text(),
    bench.exited,
  ]);
  expect({ code, errors: code === 0 ? "" : errors }).toEqual({ code: 0, errors: "" });
  const { metrics } = JSON.parse(said.trimEnd().split("\n").at(-1) ?? "") as { metrics: Record<string, number> };
  expect(Object.keys(metrics).sort()).toEqual(["stepUs1", "stepUsBatch64", "steps1", "stepsBatch64"]);
  expect(Object.values(metrics).every((value) => value > 0)).toBe(true);
});
