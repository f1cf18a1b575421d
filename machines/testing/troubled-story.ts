// A world in which anything may happen in any order: scripts, limits, faults of the far ends and meddling of people, all from a seed.

import type { FeatureAddress } from "../ids.ts";
import { PROJECT, someSettings } from "./builders.ts";
import { FarEnds, type Script } from "./far-ends.ts";
import { doOne, settleForGood } from "./play.ts";
import { type Choices, seeded } from "./seeded.ts";
import { type Taken, World } from "./world.ts";

/** Plays it to its end, checking every invariant after every step. @throws {Error} with seed and trail, on a broken one */
export function troubledStory(seed: number, onStep?: (taken: Taken) => void): void {
  const choices = seeded(seed);
  const script: Script = () => ({
    exitCode: choices.chance(0.75) ? 0 : choices.pick([1, 2] as const),
    reason: "As it happens",
  });
  const limits = { features: 1 + choices.below(3), perRole: choices.chance(0.5) ? { coder: 1, reviewer: 1 } : {} };
  const settings = someSettings({ approval: choices.pick(["off", "on"] as const), maxReviewRounds: 2 });
  const ends = new FarEnds(script, { "OMA-2": ["OMA-1"] }, choices);
  const world = new World({ limits, settings }, ends.perform, onStep);
  const features = ["OMA-1", "OMA-2", "OMA-3", "OMA-4"].map((key) => ends.create(world, key));
  const trail: string[] = [];
  for (let count = 0; count < 250; count++) {
    if (choices.chance(0.1)) meddle(world, ends, choices, features);
    // Looking after a silent agent may come at any time; other timers are so long that everything else happens before them.
    const timer = choices.chance(0.05) ? world.nextTimer((event) => event.includes("checkAfterMs")) : undefined;
    const possible = timer ? [timer] : world.possible();
    if (possible.length > 0) doOne(world, ends, choices.pick(possible), trail, choices);
  }
  for (const to of features) if (world.actors.has(to)) world.send(to, { type: "resume", by: "Ada" });
  for (const scope of ["project", "organization"] as const) world.send(PROJECT, { type: "resume", by: "Ada", scope });
  for (const to of features) if (world.actors.has(to)) world.send(to, { type: "budget.raised", by: "Ada" });
  settleForGood(world, ends, choices);
}

/** Anything a person or the outside may do at any moment. */
function meddle(world: World, ends: FarEnds, choices: Choices, features: readonly FeatureAddress[]): void {
  const known = features.filter((feature) => world.actors.has(feature));
  const by = "Ada";
  const mode = choices.pick(["drain", "now"] as const);
  if (known.length === 0 || choices.chance(0.15)) {
    const scope = choices.pick(["project", "organization"] as const);
    const event = choices.pick([
      { type: "pause", by, mode: choices.pick(["starts", mode] as const), scope } as const,
      { type: "stop", by, reason: "Leak", scope } as const,
      { type: "resume", by, scope } as const,
      { type: "resume", by, scope } as const,
      { type: "resume", by, scope } as const,
      { type: "budget.raised", by } as const,
    ]);
    world.send(PROJECT, event);
    return;
  }
  const feature = choices.pick(known);
  const key = world.feature(feature).context.ticket.key;
  choices.pick([
    () => world.send(feature, { type: "pause", by, mode }),
    () => world.send(feature, { type: "resume", by }),
    () => world.send(feature, { type: "resume", by }),
    () => world.send(feature, { type: "cancel", by }),
    () => world.send(feature, { type: "retry", by, note: "Again" }),
    () => world.send(feature, { type: "retry", by, from: "coder" }),
    () => world.send(feature, { type: "budget.raised", by }),
    () => world.send(feature, { type: "approve", by }),
    () => world.send(feature, { type: "reject", by, note: "Smaller" }),
    () => world.send(feature, { type: "rework.requested", by, source: "review", summary: "Rename it" }),
    () => world.send(feature, { type: "rework.requested", by, source: "checks", summary: "Lint" }),
    () => world.send(feature, { type: "pullRequest.closed", by }),
    () => ends.moveTicket(world, key, choices.pick(["unstarted", "canceled", "started"] as const)),
  ])();
}
