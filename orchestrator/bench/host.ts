// `bun run bench:host`: what the host does through local/convex over its real protocol, at synchronous=FULL, on this machine. The
// last line is one JSON object.
//
//   steps1 … steps256   steps stored a second, with that many events at a time; each changes a feature and its card. One project.
//   steps64Projects100  the same over a hundred projects
//   stepP50Ms, P99Ms    four senders, each waiting for its step before it sends again: from the answer that says the event is stored
//                       (or from the push, when that was faster) to the step being stored; `sent…` from the call of the sender
//   firstAckMs          from kill -9 of a host with 1,000 agents in flight to the first step its successor stores, Bun's start included;
//                       the median of five
//   recovery1kMs, 10k   from the start of a process to the last of so many overdue timers
//   takeoverMs          from kill -9 of one of two hosts to the first step of the other, with leases as in production
//   siblingRatio        time a step in a project of 10,000 features over that in one of 10
//   kbPerActor          memory of a host for an agent in flight, at 10,000

import { calibrate } from "@omakase/local-system/bench/calibration";
import { begin, DEFAULT_SETTINGS, type FeatureAddress, featureMachine, step } from "@omakase/machines";
import { at, firstStepAfterDeath, inOrder, recovery, siblingRatio, stepRate, stepTimes, warmUp } from "./measures.ts";
import { Stage, ticketOf } from "./stage.ts";

const DEATHS = 5;

const say = (text: string) => console.error(`bench:host: ${text}`);
const round = (value: number, digits = 0) => Math.round(value * 10 ** digits) / 10 ** digits;

function pureTransitions(): number {
  const feature = "acme/shop/oma-1" as FeatureAddress;
  let { snapshot } = begin(featureMachine, { address: feature, ticket: ticketOf(feature, 0), settings: DEFAULT_SETTINGS });
  const end = performance.now() + 500;
  let count = 0;
  while (performance.now() < end) {
    ({ snapshot } = step(featureMachine, snapshot, { type: "ticket.changed", at: 1, ticket: ticketOf(feature, ++count) }));
  }
  return count * 2;
}

async function measure(): Promise<Record<string, number>> {
  const stage = await Stage.set();
  try {
    const metrics: Record<string, number> = {};
    const note = (name: string, value: number, digits = 0) => {
      metrics[name] = round(value, digits);
      say(`${name} ${metrics[name]}`);
    };
    const small = await stage.features(await stage.project("small"), 10);
    const shop = await stage.features(await stage.project("shop"), 256);
    await warmUp(stage, shop);
    for (const [inFlight, events] of [
      [1, 1_500],
      [16, 6_000],
      [64, 12_000],
      [256, 12_000],
    ] as const)
      note(`steps${inFlight}`, await stepRate(stage, shop, inFlight, events));
    const many: FeatureAddress[] = [];
    for (let index = 0; index < 100; index++) many.push(...(await stage.features(await stage.project(`p${index}`), 4)));
    note("steps64Projects100", await stepRate(stage, many, 64, 12_000));
    const waits = await stepTimes(stage, shop);
    note("stepP50Ms", at(inOrder(waits.stored), 0.5), 2);
    note("stepP99Ms", at(inOrder(waits.stored), 0.99), 2);
    note("sentP50Ms", at(inOrder(waits.sent), 0.5), 2);
    note("sentP99Ms", at(inOrder(waits.sent), 0.99), 2);
    note("recovery1kMs", (await recovery(stage, 1_000)).ms);
    const deaths: number[] = [];
    while (deaths.length < DEATHS) deaths.push(await firstStepAfterDeath(stage, shop, "same"));
    note("firstAckMs", at(inOrder(deaths), 0.5));
    note("takeoverMs", await firstStepAfterDeath(stage, shop, "other"));
    const late = await recovery(stage, 10_000);
    note("recovery10kMs", late.ms);
    note("kbPerActor", late.kbPerActor, 1);
    note("siblingRatio", await siblingRatio(stage, small), 2);
    return metrics;
  } finally {
    await stage.end();
  }
}

const calibration = { ...calibrate(), pureTransitions: pureTransitions() };
const metrics = await measure();
console.log(JSON.stringify({ bench: "host", metrics, calibration }));
process.exit();
