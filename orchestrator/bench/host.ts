// `bun run bench:host`: what the host does through local/convex over its real protocol, at synchronous=FULL, on this machine. The
// last line is one JSON object.
//
//   steps1 … steps256   steps stored a second, with that many events at a time; each changes a feature and its card. One project.
//   steps64Projects100  the same over a hundred projects
//   stepP50Ms, P99Ms    four senders, each waiting for its step before it sends again: from the answer that says the event is stored
//                       (or from the push, when that was faster) to the step being stored; `sent…` from the call of the sender
//   firstAckMs          from kill -9 of a host with 1,000 agents in flight to the first step its successor stores, Bun's start included
//   recovery1kMs, 10k   from the start of a process to the last of so many overdue timers
//   takeoverMs          from kill -9 of one of two hosts to the first step of the other, with leases as in production
//   siblingRatio        time a step in a project of 10,000 features over that in one of 10
//   kbPerActor          memory of a host for an agent in flight, at 10,000

import { calibrate } from "@omakase/local-system/bench/calibration";
import { begin, DEFAULT_SETTINGS, type FeatureAddress, featureMachine, step } from "@omakase/machines";
import { createHost } from "../actors/host.ts";
import type { Log } from "../log.ts";
import { createConvexStore } from "../store/convex-store.ts";
import type { HostStore } from "../store/host-store.ts";
import { HostProcess } from "./child.ts";
import { createFaucet } from "./faucet.ts";
import { performersThatAnswerAtOnce } from "./performers.ts";
import { type Delivery, Stage, ticketOf } from "./stage.ts";

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };
const SENDERS = 4;
const SENT_EACH = 150;

const say = (text: string) => console.error(`bench:host: ${text}`);
const round = (value: number, digits = 0) => Math.round(value * 10 ** digits) / 10 ** digits;

let clock = 1;
/** A later version of a feature's ticket. */
function change(feature: FeatureAddress): Delivery {
  const updatedAt = clock++;
  const event = { type: "ticket.changed", at: Date.now(), ticket: ticketOf(feature, updatedAt) };
  return { actor: feature, key: `change-${updatedAt}`, event: JSON.stringify(event) };
}

/** Runs a host in this process until `use` is done. */
async function withHost<T>(stage: Stage, store: HostStore, use: (host: ReturnType<typeof createHost>) => Promise<T>): Promise<T> {
  await stage.leave();
  const host = createHost({ store, performers: performersThatAnswerAtOnce(stage.caller), log: SILENT });
  await host.start();
  while (!host.ready()) await Bun.sleep(5);
  try {
    return await use(host);
  } finally {
    await host.drain();
  }
}

/** Steps a second, `inFlight` events at a time, over events spread evenly over the features. */
async function stepRate(stage: Stage, features: readonly FeatureAddress[], inFlight: number, events: number): Promise<number> {
  await stage.deliver(Array.from({ length: events }, (_, index) => change(features[index % features.length]!)));
  const faucet = createFaucet(stage.store);
  return withHost(stage, faucet.store, async () => {
    const warm = Math.min(100, events >> 2);
    faucet.open(inFlight);
    while (faucet.steps() < warm) await Bun.sleep(1);
    const [from, startedAt] = [faucet.steps(), performance.now()];
    await faucet.dry;
    return ((faucet.steps() - from) * 1000) / (performance.now() - startedAt);
  });
}

interface Waits {
  readonly stored: number[];
  readonly sent: number[];
}

/** What four senders wait for their steps. */
async function stepTimes(stage: Stage, features: readonly FeatureAddress[]): Promise<Waits> {
  const waits: Waits = { stored: [], sent: [] };
  const token = await stage.deployment.token();
  const store = createConvexStore(stage.deployment.url, "the latency host", async () => token, stage.caller);
  await withHost(stage, store, async (host) => {
    const done = new Map<string, (at: number) => void>();
    host.onStored((steps) => {
      for (const { actor } of steps) done.get(actor)?.(performance.now());
    });
    await Promise.all(
      features.slice(0, SENDERS).map(async (feature) => {
        for (let index = 0; index < SENT_EACH; index++) {
          const { promise, resolve } = Promise.withResolvers<number>();
          done.set(feature, resolve);
          const sentAt = performance.now();
          await stage.deliver([change(feature)]);
          const answeredAt = performance.now();
          const storedAt = await promise;
          if (index < 20) continue; // warm first
          waits.stored.push(Math.max(0, storedAt - answeredAt));
          waits.sent.push(storedAt - sentAt);
        }
      }),
    );
  });
  await store.close();
  return waits;
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
const inOrder = (values: readonly number[]): number[] => [...values].sort((one, other) => one - other);

/** A project with `count` agents whose time has run out. */
async function overdue(stage: Stage, slug: string, count: number): Promise<void> {
  const project = await stage.project(slug);
  await stage.agents(project, await stage.features(project, count), Date.now() - 1_000);
  await stage.leave();
}

/** From the start of a process until it has taken every overdue timer, ms; and its memory then, KB. */
async function recovery(stage: Stage, count: number): Promise<{ ms: number; kbPerActor: number }> {
  const token = await stage.deployment.token();
  const idle = new HostProcess(stage, token, "idle");
  await idle.until("ready", ({ ready }) => ready !== null);
  const idleKb = idle.rssKb();
  await idle.kill();
  await stage.reclaim("idle");
  await overdue(stage, `late${count}`, count);
  const host = new HostProcess(stage, token, "busy");
  const { at: doneAt } = await host.until(`${count} timers`, ({ timers }) => timers >= count);
  const kbPerActor = (host.rssKb() - idleKb) / count;
  await host.kill();
  await stage.reclaim("busy");
  return { ms: doneAt - host.startedAt, kbPerActor };
}

/** With 1,000 agents in flight and somebody who goes on sending: from kill -9 to the first step of who comes next, ms. */
async function firstStepAfterDeath(
  stage: Stage,
  features: readonly FeatureAddress[],
  successor: "same" | "other",
): Promise<number> {
  const token = await stage.deployment.token();
  const first = new HostProcess(stage, token, "first");
  await first.until("ready", ({ ready }) => ready !== null);
  const second = successor === "other" ? new HostProcess(stage, token, "second") : null;
  await second?.until("ready", ({ ready }) => ready !== null);
  let isOver = false;
  const sending = (async () => {
    for (let index = 0; !isOver; index++) {
      await stage.deliver([change(features[index % features.length]!)]);
      await Bun.sleep(2);
    }
  })();
  await first.until("at work", ({ steps }) => steps > 50);
  const killedAt = Date.now();
  const dead = first.kill();
  const next = second ?? new HostProcess(stage, token, "first");
  const before = second ? (await second.until("known", () => true)).steps : 0;
  const { at: steppedAt } = await next.until("a step", ({ steps }) => steps > before);
  isOver = true;
  await Promise.all([sending, dead]);
  await next.kill();
  await stage.reclaim("first", "second");
  return steppedAt - killedAt;
}

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
    note("firstAckMs", await firstStepAfterDeath(stage, shop, "same"));
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

/** Ten features in a project of ten against ten in a project of 10,000, in turn, so that both have the same machine. */
async function siblingRatio(stage: Stage, small: readonly FeatureAddress[]): Promise<number> {
  const large = (await stage.features(await stage.project("large"), 10_000)).slice(5_000, 5_010);
  const rates = { small: [] as number[], large: [] as number[] };
  for (let turn = 0; turn < 5; turn++) {
    rates.large.push(await stepRate(stage, large, 10, 2_000));
    rates.small.push(await stepRate(stage, small, 10, 2_000));
  }
  return at(inOrder(rates.small), 0.5) / at(inOrder(rates.large), 0.5);
}

const calibration = { ...calibrate(), pureTransitions: pureTransitions() };
const metrics = await measure();
console.log(JSON.stringify({ bench: "host", metrics, calibration }));
process.exit();
