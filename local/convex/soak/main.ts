// `bun run soak:convex`: twelve hours of a small team's use in fast-forward, in four stretches with 16 days between them. Prints one
// JSON object, and ends with 1 and the reason on stderr when memory or the file has grown.
import { growth, soak } from "./soak.ts";

const HOUR_MS = 3_600_000;

const report = await soak({ people: 50, stretches: 4, mutationsPerStretch: 25_000, usedMs: 12 * HOUR_MS }, (line) =>
  console.error(line),
);
const { mutations, callbacks, reconnects, forgotten, footprints, largestLogMb } = report;
const [first, last] = [footprints[0], footprints.at(-1)];
const of = (name: "rssMb" | "heapMb" | "fileMb") => ({
  [`${name}First`]: round(first?.[name]),
  [`${name}Last`]: round(last?.[name]),
});
const metrics = {
  mutations,
  callbacks,
  reconnects,
  forgotten,
  ...of("rssMb"),
  ...of("heapMb"),
  ...of("fileMb"),
  largestLogMb: round(largestLogMb),
};
console.log(JSON.stringify({ soak: "convex", metrics }));
const faults = growth(report);
for (const fault of faults) console.error(`soak: ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);

function round(value = Number.NaN): number {
  return Math.round(value * 10) / 10;
}
