// The short version of `bun run storm`.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Headless, startHeadless } from "./headless.ts";
import { faultsOf, storm } from "./storm.ts";

let stack: Headless;
beforeAll(async () => {
  stack = await startHeadless(["--no-web"], () => {}, { linear: ["--requests-per-hour", "2500"] });
}, 60_000);
afterAll(() => stack?.end(), 30_000);

test("a webhook storm: each valid delivery counts once, forged ones are refused, Linear's budget is kept", async () => {
  const seed = Math.floor(Math.random() * 1e9) + 1;
  console.error(`storm: seed ${seed}`);
  const report = await storm(stack.launch, { deliveries: 500, seconds: 5, seed });
  expect({ ...report, faults: faultsOf(report) }).toMatchObject({ faults: [], forgedAccepted: 0, valid: report.stored });
}, 120_000);
