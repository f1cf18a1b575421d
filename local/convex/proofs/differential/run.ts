// Longer runs, by hand:  bun proofs/differential/run.ts [programs = 2000] [seed = random]   |   bun ... <file of a program>
import { existsSync, readFileSync } from "node:fs";
import { Differential, textOf } from "./differential.ts";
import { programFromJson } from "./program.ts";

const [first = "2000", second] = process.argv.slice(2);
const differential = await Differential.start();
try {
  if (existsSync(first)) {
    const comparison = await differential.run(programFromJson(readFileSync(first, "utf8")));
    console.log(textOf(comparison));
    process.exitCode = comparison.unexplained === null ? 0 : 1;
  } else {
    const seed = second === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(second);
    console.log(JSON.stringify({ seed, ...(await differential.check(seed, Number(first))) }));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await differential.stop();
}
