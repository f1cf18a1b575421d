// `bun run storm [--deliveries N] [--seconds N] [--seed N]`: 5,000 deliveries of Linear's in 60 s, a fifth of them twice, 5 % forged, in no
// order. Exits 1 when anything was lost, applied twice, accepted though forged, or answered late. The last line is one JSON object.

import { parseArgs } from "node:util";
import { startHeadless } from "../headless.ts";
import { faultsOf, storm } from "../storm.ts";
import { calibrate } from "./calibration.ts";

/** Linear gives an answer 5 s; this is what we give ourselves. */
const LATE_MS = 1_000;

const { values } = parseArgs({
  options: { deliveries: { type: "string" }, seconds: { type: "string" }, seed: { type: "string" } },
});
const number = (given: string | undefined, fallback: number): number => {
  const value = Number(given ?? fallback);
  if (Number.isInteger(value) && value > 0) return value;
  console.error("--deliveries, --seconds and --seed take whole numbers above 0.");
  process.exit(2);
};
const options = {
  deliveries: number(values.deliveries, 5_000),
  seconds: number(values.seconds, 60),
  seed: number(values.seed, 1 + Math.floor(Math.random() * 1e9)),
};
console.error(`storm: ${JSON.stringify(options)}`);
const calibration = calibrate();
// Linear's own budget of a key, enforced.
const { launch, end } = await startHeadless(["--no-web"], () => {}, { linear: ["--requests-per-hour", "2500"] });
try {
  const report = await storm(launch, options);
  const late = report.p99Ms > LATE_MS ? [`p99 of the answers is ${Math.round(report.p99Ms)} ms`] : [];
  const faults = [...faultsOf(report), ...late];
  for (const fault of faults) console.error(`storm: ${fault}`);
  const { wrongAnswers, ...rest } = report;
  const metrics = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, Math.round(value * 10) / 10]));
  console.log(JSON.stringify({ bench: "storm", metrics: { ...metrics, faults: faults.length }, calibration }));
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await end();
}
