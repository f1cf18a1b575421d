// Many programs on both sides: the first one that differs without a reason is shrunk and written to a file.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { type Comparison, compare } from "./compare.ts";
import { program } from "./generate.ts";
import { type Program, programFromJson, programToJson } from "./program.ts";
import { convexTestSide, ourSide, type Side } from "./side.ts";

export const REGRESSIONS_DIR = join(import.meta.dir, "regressions");

export interface Summary {
  readonly programs: number;
  /** Calls, steps and parts of pages. */
  readonly compared: number;
  readonly skipped: number;
  /** How often each known difference was met. */
  readonly known: Readonly<Record<string, number>>;
}

export class Differential {
  private constructor(
    private readonly ours: Side,
    private readonly theirs: Side,
  ) {}

  static async start(): Promise<Differential> {
    const [ours, theirs] = await Promise.all([ourSide(), convexTestSide()]);
    return new Differential(ours, theirs);
  }

  async stop(): Promise<void> {
    await Promise.all([this.ours.stop(), this.theirs.stop()]);
  }

  async run(one: Program): Promise<Comparison> {
    // Both to their ends, even when one fails: the next program must find them idle.
    const [ours, theirs] = await Promise.allSettled([this.ours.run(one), this.theirs.run(one)]);
    if (ours.status === "rejected") throw ours.reason;
    if (theirs.status === "rejected") throw theirs.reason;
    return compare(one, ours.value, theirs.value);
  }

  /** Random programs. @throws {Error} with the seed, the shrunk program's file and the difference */
  async check(seed: number, programs: number): Promise<Summary> {
    let [compared, skipped, ran] = [0, 0, 0];
    const known: Record<string, number> = {};
    const property = fc.asyncProperty(program, async (one) => {
      const comparison = await this.run(one);
      ran++;
      compared += comparison.compared;
      skipped += comparison.skipped;
      for (const { name } of comparison.explained) known[name] = (known[name] ?? 0) + 1;
      if (comparison.unexplained !== null) throw new Error(textOf(comparison));
    });
    const result = await fc.check(property, { seed, numRuns: programs });
    if (!result.failed) return { programs: ran, compared, skipped, known };
    const [shrunk] = result.counterexample ?? [];
    const file = join(tmpdir(), `differential-${seed}-${Date.now()}.json`);
    if (shrunk !== undefined) writeFileSync(file, programToJson(shrunk));
    const cause = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
    throw new Error(
      `The two sides differ (seed ${seed}, path ${result.counterexamplePath}). The smallest such program is in ${file}: ` +
        `run it with \`bun proofs/differential/run.ts ${file}\`, and keep it in ${REGRESSIONS_DIR}.\n${cause}`,
    );
  }
}

/** What differed, in words. */
export const textOf = ({ unexplained }: Comparison): string => {
  if (unexplained === null) return "no difference";
  const { place, call, step, part, ours, theirs } = unexplained;
  const show = (value: unknown) => inspect(value, { depth: 20 });
  return `${place}${part === null ? "" : `, ${part}`}: ${show(step ?? call)}\nlocal/convex: ${show(ours)}\nconvex-test: ${show(theirs)}`;
};

/** Programs that once showed a mistake, by file name. */
export const regressions = (): { name: string; program: Program }[] =>
  readdirSync(REGRESSIONS_DIR)
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({ name: file, program: programFromJson(readFileSync(join(REGRESSIONS_DIR, file), "utf8")) }));
