// The measurements of a host, each on a stage that is set: shared by bench:host and bench:peers.

import type { FeatureAddress } from "@omakase/machines";
import { createHost } from "../actors/host.ts";
import type { Log } from "../log.ts";
import { createConvexStore } from "../store/convex-store.ts";
import type { HostStore } from "../store/host-store.ts";
import { HostProcess } from "./child.ts";
import { createFaucet } from "./faucet.ts";
import { performersThatAnswerAtOnce } from "./performers.ts";
import { type Delivery, type Stage, ticketOf } from "./stage.ts";
import { WARM_STEPS } from "./warm-up.ts";

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };
/** In which two hosts that have just begun have shared the shards. */
const SHARED_MS = 2_000;
const SENDERS = 4;
const SENT_EACH = 150;

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
  const host = createHost({ store, performers: performersThatAnswerAtOnce(), log: SILENT });
  await host.start();
  while (!host.ready()) await Bun.sleep(5);
  try {
    return await use(host);
  } finally {
    await host.drain();
  }
}

export const warmUp = (stage: Stage, features: readonly FeatureAddress[]): Promise<number> =>
  stepRate(stage, features, 64, WARM_STEPS);

/** Steps a second, `inFlight` events at a time, over events spread evenly over the features. */
export async function stepRate(
  stage: Stage,
  features: readonly FeatureAddress[],
  inFlight: number,
  events: number,
): Promise<number> {
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
export async function stepTimes(stage: Stage, features: readonly FeatureAddress[]): Promise<Waits> {
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

export const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
export const inOrder = (values: readonly number[]): number[] => [...values].sort((one, other) => one - other);

/** A project with `count` agents whose time has run out. */
async function overdue(stage: Stage, slug: string, count: number): Promise<void> {
  const project = await stage.project(slug);
  await stage.agents(project, await stage.features(project, count), Date.now() - 1_000);
  await stage.leave();
}

/** From the start of a process until it has taken every overdue timer, ms; and its memory then, KB. */
export async function recovery(stage: Stage, count: number): Promise<{ ms: number; kbPerActor: number }> {
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
export async function firstStepAfterDeath(
  stage: Stage,
  features: readonly FeatureAddress[],
  successor: "same" | "other",
): Promise<number> {
  const token = await stage.deployment.token();
  const first = new HostProcess(stage, token, "first");
  await first.until("ready", ({ ready }) => ready !== null);
  const second = successor === "other" ? new HostProcess(stage, token, "second") : null;
  await second?.until("ready", ({ ready }) => ready !== null);
  if (second) await Bun.sleep(SHARED_MS);
  let isOver = false;
  const sending = (async () => {
    for (let index = 0; !isOver; index++) {
      await stage.deliver([change(features[index % features.length]!)]);
      await Bun.sleep(2);
    }
  })();
  // The two share the shards: whichever has this project's is the one that dies.
  const worker = await Promise.any(
    (second ? [first, second] : [first]).map(async (host) => {
      await host.until("at work", ({ steps }) => steps > 50);
      return host;
    }),
  );
  const killedAt = Date.now();
  const dead = worker.kill();
  const other = worker === first ? second : first;
  const next = other ?? new HostProcess(stage, token, "first");
  const before = other ? (await other.until("known", () => true)).steps : 0;
  const { at: steppedAt } = await next.until("a step", ({ steps }) => steps > before);
  isOver = true;
  await Promise.all([sending, dead]);
  await next.kill();
  await stage.reclaim("first", "second");
  return steppedAt - killedAt;
}

/** Ten features in a project of ten against ten in a project of 10,000, in turn, so that both have the same machine. */
export async function siblingRatio(stage: Stage, small: readonly FeatureAddress[]): Promise<number> {
  const large = (await stage.features(await stage.project("large"), 10_000)).slice(5_000, 5_010);
  const rates = { small: [] as number[], large: [] as number[] };
  for (let turn = 0; turn < 5; turn++) {
    rates.large.push(await stepRate(stage, large, 10, 2_000));
    rates.small.push(await stepRate(stage, small, 10, 2_000));
  }
  return at(inOrder(rates.small), 0.5) / at(inOrder(rates.large), 0.5);
}
