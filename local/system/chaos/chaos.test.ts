// Real processes that die: at every kill point, and at random. Longer runs: `bun run chaos --kills 1000`.

import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChaos } from "./run.ts";
import { sweep } from "./sweep.ts";

const SECONDS = 180;

test("I1-I9, P5: an orchestrator dies at every kill point of every kind of effect, and everything comes to its end once", async () => {
  const { unreached, violations, unrest, deaths, points } = await sweep(2);
  expect({ unreached, violations, unrest }).toEqual({ unreached: [], violations: [], unrest: [] });
  expect(deaths).toBeGreaterThanOrEqual(points);
}, 580_000);

test("I1-I9, P5: three minutes of deaths, stops, lost and repeated answers, from a fresh seed", async () => {
  const seed = 1 + Math.floor(Math.random() * 2 ** 31);
  const trailFile = join(tmpdir(), `omakase-chaos-${seed}.jsonl`);
  // With the seed and the trail a failure can be followed, and the run be had again.
  console.log(`note: chaos with seed ${seed}, trail ${trailFile}; again: bun run chaos --seconds ${SECONDS} --seed ${seed}`);
  const { violations, unrest, kills, steps } = await runChaos({
    seed,
    kills: Number.POSITIVE_INFINITY,
    seconds: SECONDS,
    projects: 3,
    trailFile,
  });
  expect({ violations, unrest }).toEqual({ violations: [], unrest: [] });
  expect(kills).toBeGreaterThan(60);
  console.log(`note: chaos, ${kills} kills, ${steps} steps`);
  expect(steps).toBeGreaterThan(0);
}, 580_000);
