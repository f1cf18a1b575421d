// A preload: loads one file of the source with a guard taken out. Only what this process sees is changed, never the file.
//
//   OMAKASE_MUTANT           the guard, as mutants.ts names it
//   OMAKASE_MUTANT_CONTROL   anything: loads the file this way, unchanged

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { plugin } from "bun";
import { MUTANTS } from "./mutants.ts";

const root = resolve(import.meta.dir, "../..");
const mutant = MUTANTS.find(({ guard }) => guard === process.env.OMAKASE_MUTANT);
if (!mutant) throw new Error(`MUTATION: there is no mutant "${process.env.OMAKASE_MUTANT}"`);
const path = resolve(root, mutant.file);
const source = readFileSync(path, "utf8");
const pieces = source.split(mutant.from);
if (pieces.length !== 2)
  throw new Error(`MUTATION: "${mutant.from}" stands ${pieces.length - 1} times in ${mutant.file}, not once`);

plugin({
  name: "mutate",
  setup(build) {
    build.onLoad({ filter: new RegExp(`${mutant.file.replaceAll(".", "\\.")}$`) }, ({ path: loaded }) => ({
      contents:
        loaded === path
          ? pieces.join(process.env.OMAKASE_MUTANT_CONTROL ? mutant.from : mutant.to)
          : readFileSync(loaded, "utf8"),
      loader: "ts",
    }));
  },
});
