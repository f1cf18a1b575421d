// The dispatcher alone, in virtual time: which effects are performed when, and how each ends.

import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import type { Answer, PendingEffect, Settled, Settlement } from "../../convex/steps.ts";
import { OmakaseError } from "../errors.ts";
import { Fenced, type HostStore, Refused, Unanswered } from "../store/host-store.ts";
import { CALM, Process, Scheduler } from "../testing/scheduler.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Holding } from "./holding.ts";
import { CONCURRENCY, type EffectContext, type Performed, type Performers, RETRY_POLICIES } from "./performer.ts";

class Down extends OmakaseError {
  readonly code = "down";
  readonly retryable = true;
}
class No extends OmakaseError {
  readonly code = "no";
  readonly retryable = false;
}

const DONE: Performed = { kind: "answer", event: null };

function setup(perform: (context: EffectContext) => Promise<Performed>, settle?: HostStore["settle"]) {
  const scheduler = new Scheduler();
  const { clock } = new Process(scheduler, seeded(1), () => CALM);
  const settled: Settlement[] = [];
  const fenced: Holding[] = [];
  const told: Settled[] = [];
  const log: string[] = [];
  const write = (event: string) => void log.push(event);
  const calls: { effectId: string; at: number }[] = [];
  const performer = (_: unknown, context: EffectContext) => {
    calls.push({ effectId: context.effectId, at: scheduler.nowMs });
    return perform(context);
  };
  const kinds = Object.keys(RETRY_POLICIES);
  const store = {
    settle: async (epochs, settlements) => {
      const results = await settle?.(epochs, settlements);
      settled.push(...settlements);
      return results ?? settlements.map(({ effectId }): Settled => ({ kind: "settled", effectId, mail: [] }));
    },
  } as Partial<HostStore> as HostStore;
  const dispatcher = new Dispatcher({
    store,
    clock,
    performers: Object.fromEntries(kinds.map((kind) => [kind, performer])) as unknown as Performers,
    log: { info: write, warn: write, error: write },
    allowed: async () => {},
    onSettled: (one) => void told.push(one),
    onFenced: (holding) => {
      fenced.push(holding);
      holding.lose();
      dispatcher.forget(holding);
    },
  });
  const holding = new Holding({ shard: 1, epoch: 1 });
  const settledAll = (count: number) => scheduler.runUntil(() => settled.length === count, 3_600_000);
  return { scheduler, clock, dispatcher, holding, settled, settledAll, fenced, told, calls, log };
}

const anEffect = (index = 0, kind = "runTask"): PendingEffect => ({
  effectId: `a/b/c/coder-1:${index}:0`,
  actor: "a/b/c/coder-1",
  kind,
  payload: JSON.stringify({ kind }),
  createdAt: 0,
});

describe("the dispatcher", () => {
  test("D3: retries with growing pauses and then tells the actor that it was given up", async () => {
    const { dispatcher, holding, calls, settled, settledAll } = setup(() => Promise.reject(new Down("503")));
    dispatcher.enqueue(anEffect(), holding);
    expect(await settledAll(1)).toBe(true);
    expect(calls).toHaveLength(RETRY_POLICIES.runTask.attempts);
    expect(settled[0]).toMatchObject({ state: "failed", taskArn: null });
    expect(JSON.parse(settled[0]?.answer ?? "")).toMatchObject({ type: "effect.failed", kind: "runTask", reason: "Down: 503" });
    expect(dispatcher.stats()).toEqual({ waiting: 0, inFlight: 0, open: ["ecs"] });
  });

  test("a far side that says no is not asked again", async () => {
    const { dispatcher, holding, calls, settled, settledAll } = setup(() => Promise.reject(new No("no such cluster")));
    dispatcher.enqueue(anEffect(), holding);
    await settledAll(1);
    expect([calls.length, settled[0]?.state]).toEqual([1, "failed"]);
  });

  test("waits as long as the far side asks", async () => {
    let isFirst = true;
    const { dispatcher, holding, calls, settledAll } = setup(async () => {
      if (!isFirst) return DONE;
      isFirst = false;
      throw Object.assign(new Down("429"), { retryAfterMs: 45_000 });
    });
    dispatcher.enqueue(anEffect(), holding);
    await settledAll(1);
    expect((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0)).toBeGreaterThanOrEqual(45_000);
  });

  test("no more calls at once than the far side's limit, oldest first", async () => {
    const running: (() => void)[] = [];
    const { scheduler, dispatcher, holding, calls, settledAll } = setup(
      () => new Promise((resolve) => void running.push(() => resolve(DONE))),
    );
    for (let index = 0; index < 50; index++) dispatcher.enqueue(anEffect(index, "openPullRequest"), holding);
    await scheduler.pass(10);
    expect(running).toHaveLength(CONCURRENCY.github);
    while (calls.length < 50) {
      running.shift()?.();
      await scheduler.pass(1);
    }
    for (const finish of running) finish();
    await settledAll(50);
    expect(calls.map(({ effectId }) => effectId)).toEqual(Array.from({ length: 50 }, (_, index) => anEffect(index).effectId));
  });

  test("the breaker: after 5 failures in a row one call at a time probes the far side, others wait untried", async () => {
    const { scheduler, dispatcher, holding, calls } = setup(() => Promise.reject(new Down("503")));
    for (let index = 0; index < 40; index++) dispatcher.enqueue(anEffect(index, "moveIssue"), holding);
    await scheduler.pass(1_900);
    const beforeProbes = calls.length;
    expect(dispatcher.stats().open).toEqual(["linear"]);
    expect(beforeProbes).toBeLessThanOrEqual(CONCURRENCY.linear + 5);
    await scheduler.pass(10_000);
    expect(calls.length - beforeProbes).toBeLessThanOrEqual(6);
    expect(calls.length).toBeGreaterThan(beforeProbes);
  });

  test("a probe that is given up with its shard does not leave the breaker open for ever", async () => {
    let answer: () => Promise<Performed> = () => Promise.reject(new Down("503"));
    const { scheduler, dispatcher, holding, settledAll } = setup(() => answer());
    for (let index = 0; index < 5; index++) dispatcher.enqueue(anEffect(index, "moveIssue"), holding);
    await scheduler.pass(1_000);
    answer = () => Promise.reject(new Fenced(1));
    await scheduler.pass(10_000);
    expect(holding.isLost).toBe(true);
    answer = async () => DONE;
    const next = new Holding({ shard: 1, epoch: 2 });
    dispatcher.enqueue(anEffect(9, "moveIssue"), next);
    expect(await settledAll(1)).toBe(true);
  });

  test("D4: what a lost holding has in flight is aborted and not settled; its successor performs it again", async () => {
    const answers: ((performed: Performed) => void)[] = [];
    const signals: AbortSignal[] = [];
    const { scheduler, dispatcher, holding, settled } = setup(({ signal }) => {
      signals.push(signal);
      return new Promise((resolve) => void answers.push(resolve));
    });
    dispatcher.enqueue(anEffect(), holding);
    holding.lose();
    dispatcher.forget(holding);
    const next = new Holding({ shard: 1, epoch: 2 });
    dispatcher.enqueue(anEffect(), next);
    answers[0]?.(DONE);
    await scheduler.pass(100);
    expect([signals[0]?.aborted, signals[1]?.aborted, settled.length]).toEqual([true, false, 0]);
    answers[1]?.(DONE);
    await scheduler.pass(100);
    expect(settled).toHaveLength(1);
  });

  test("D2: an effect that is handed over twice is performed once", async () => {
    const { dispatcher, holding, calls, settledAll, scheduler } = setup(async () => DONE);
    dispatcher.enqueue(anEffect(), holding);
    dispatcher.enqueue(anEffect(), holding);
    await settledAll(1);
    await scheduler.pass(60_000);
    expect(calls).toHaveLength(1);
  });

  test("an effect of a kind this build does not know is reported and left for one that does", async () => {
    const { scheduler, dispatcher, holding, log, settled } = setup(async () => DONE);
    dispatcher.enqueue(anEffect(0, "teleport"), holding);
    dispatcher.enqueue(anEffect(1, "constructor"), holding);
    await scheduler.pass(1_000);
    expect([log, settled.length]).toEqual([["effect.unknown_kind", "effect.unknown_kind"], 0]);
  });

  test("D3: an answer the store will not take becomes a failure the actor hears of; its neighbours are settled", async () => {
    const { dispatcher, holding, settled, settledAll } = setup(
      async ({ effectId }) => ({ kind: "answer", event: { type: "x", big: effectId.includes(":3:") } as never }),
      async (_, settlements) => {
        if (settlements.some(({ answer }) => answer?.includes('"big":true'))) throw new Refused("too long", "tooLarge");
        return undefined as never;
      },
    );
    for (let index = 0; index < 6; index++) dispatcher.enqueue(anEffect(index), holding);
    expect(await settledAll(6)).toBe(true);
    const failed = settled.filter(({ state }) => state === "failed");
    expect(failed.map(({ effectId, answer }) => [effectId, JSON.parse(answer ?? "").type])).toEqual([
      [anEffect(3).effectId, "effect.failed"],
    ]);
  });

  test("a settlement without an answer is sent again until there is one", async () => {
    let tries = 0;
    const { dispatcher, holding, settledAll } = setup(
      async () => DONE,
      async () => {
        if (++tries < 4) throw new Unanswered("timeout");
        return undefined as never;
      },
    );
    dispatcher.enqueue(anEffect(), holding);
    expect(await settledAll(1)).toBe(true);
    expect(tries).toBe(4);
  });

  test("of an effect that had been settled unheard, by its own mutation or when it was given up, the mail is told all the same", async () => {
    const mail = [{ id: "mail-1" as Answer["id"], actor: "a/b/other", key: "a/b/c:1:0:a/b/other", event: "{}" }];
    const already = (effectId: string): Settled => ({ kind: "already", effectId, mail });
    let tries = 0;
    const unheard = setup(async ({ effectId }) => {
      if (++tries === 1) throw new Unanswered("timeout");
      return { kind: "settled", settled: already(effectId) };
    });
    const givenUp = setup(
      async () => {
        throw new No("not any more");
      },
      async (_, settlements) => settlements.map(({ effectId }) => already(effectId)),
    );
    for (const { scheduler, dispatcher, holding, told } of [unheard, givenUp]) {
      dispatcher.enqueue(anEffect(0, "announceToDependents"), holding);
      await scheduler.pass(10_000);
      expect(told.flatMap((settled) => ("mail" in settled ? settled.mail : []))).toEqual(mail);
    }
  });
  test("stops within its grace, whatever is in flight", async () => {
    const { scheduler, dispatcher, holding } = setup(() => new Promise(() => {}));
    dispatcher.enqueue(anEffect(), holding);
    let hasStopped = false;
    void dispatcher.stop(500).then(() => {
      hasStopped = true;
    });
    await scheduler.pass(400);
    expect(hasStopped).toBe(false);
    await scheduler.pass(200);
    expect(hasStopped).toBe(true);
  });
});
