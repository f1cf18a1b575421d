// Lets a world go on: in the order things were asked for, or in the order a seed chooses. Checks every invariant after every step.

import type { FarEnds } from "./far-ends.ts";
import { broken, stuck } from "./invariants.ts";
import type { Choices } from "./seeded.ts";
import type { Possible, World } from "./world.ts";

const MAX_STEPS = 5_000;

/** When to stop, and what may not happen yet. */
interface Bounds {
  readonly until?: () => boolean;
  readonly holdBack?: (name: string) => boolean;
}

/** Runs until nothing can happen but timers, or until `until` says so. @throws {Error} with the trail, on a broken invariant. */
export function settle(world: World, ends: FarEnds, choices?: Choices, bounds: Bounds = {}): void {
  const { until = () => false, holdBack = () => false } = bounds;
  const trail: string[] = [];
  for (let count = 0; !until(); count++) {
    if (count > MAX_STEPS) throw failure("It does not come to rest", trail, choices);
    const possible = world.possible().filter(({ name }) => !holdBack(name));
    const next = choices && possible.length > 0 ? choices.pick(possible) : possible[0];
    if (!next) break;
    doOne(world, ends, next, trail, choices);
  }
}

/** One thing happens, and nothing may be broken afterwards. */
export function doOne(world: World, ends: FarEnds, next: Possible, trail: string[], choices?: Choices): void {
  trail.push(next.name);
  next.run();
  const wrong = broken(world, ends);
  if (wrong.length > 0) throw failure(wrong.join("; "), trail, choices);
}

/** Timers too, earliest first, whenever nothing else can happen; then nobody may wait for something that is there. */
export function settleForGood(world: World, ends: FarEnds, choices?: Choices): void {
  settle(world, ends, choices);
  for (let timer = world.nextTimer(); timer; timer = world.nextTimer()) {
    doOne(world, ends, timer, [], choices);
    settle(world, ends, choices);
  }
  const wrong = stuck(world, ends);
  if (wrong.length > 0) throw failure(wrong.join("; "), [], choices);
}

const failure = (what: string, trail: readonly string[], choices?: Choices) =>
  new Error(`${what}\n  seed: ${choices?.seed ?? "none"}\n  last steps:\n    ${trail.slice(-60).join("\n    ")}`);
