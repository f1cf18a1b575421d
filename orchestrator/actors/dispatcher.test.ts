// The dispatcher alone, in virtual time: which effects are performed when, and how each ends.

import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import type { Answer, Mail, PendingEffect, Settled, Settlement } from "../../convex/steps.ts";
import { OmakaseError } from "../errors.ts";
import { LaunchPace } from "../rates/launch-pace.ts";
import { RateLimited } from "../rates/rate-limited.ts";
import { Fenced, type HostStore, Refused, Unanswered } from "../store/host-store.ts";
import { CALM, Process, Scheduler } from "../testing/scheduler.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Holding } from "./holding.ts";
import { Inbox } from "./inbox.ts";
import { CONCURRENCY, type EffectContext, FAULT_ATTEMPTS, type Performed, type Performers, RETRY_POLICIES } from "./performer.ts";

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
  const inbox = new Inbox();
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
    inbox,
    onSettled: (one) => void told.push(one),
    onFenced: (holding) => {
      fenced.push(holding);
      holding.lose();
      dispatcher.forget(holding);
    },
  });
  const holding = new Holding({ shard: 1, epoch: 1 });
  const settledAll = (count: number) => scheduler.runUntil(() => settled.length === count, 3_600_000);
  return { scheduler, clock, dispatcher, inbox, holding, settled, settledAll, fenced, told, calls, log };
}

const anEffect = (index = 0, kind = "runTask"): PendingEffect => ({
  effectId: `a/b/c/coder-1:${index}:0`,
  actor: "a/b/c/coder-1",
  kind,
  payload: JSON.stringify({ kind }),
  createdAt: 0,
});

/** So many events that wait, none of them of the effects' shard. */
function backlog(inbox: Inbox, events: number): void {
  const holding = new Holding({ shard: 2, epoch: 1 });
  const cause = { kind: "actor", name: "a/other" } as const;
  for (let event = 0; event < events; event++) {
    const id = `mail-${event}` as Mail["id"];
    inbox.add({ actor: "a/other", holding, source: { kind: "mail", id }, eventId: id, event: "{}", cause });
  }
}

describe("the dispatcher", () => {
  test("D3: retries with growing pauses and then tells the actor that it was given up", async () => {
    const { dispatcher, holding, calls, settled, settledAll } = setup(() => Promise.reject(new Down("503")));
    dispatcher.enqueue(anEffect(), holding);
    expect(await settledAll(1)).toBe(true);
    expect(calls).toHaveLength(RETRY_POLICIES.runTask.attempts);
    expect(settled[0]).toMatchObject({ state: "failed", launch: null });
    expect(JSON.parse(settled[0]?.answer ?? "")).toMatchObject({ type: "effect.failed", kind: "runTask", reason: "Down: 503" });
    expect(dispatcher.stats()).toEqual({ waiting: 0, inFlight: 0, open: ["ecs"] });
  });

  test("O4: what has ended of a shard that is handed over, or is lost, waits for no backlog", async () => {
    const { scheduler, dispatcher, inbox, holding, settled } = setup(async () => DONE);
    backlog(inbox, 10_000);
    dispatcher.enqueue(anEffect(1), holding);
    await scheduler.pass(100);
    expect(settled).toHaveLength(0);
    holding.close();
    void dispatcher.finish(holding, 8_000);
    await scheduler.pass(0);
    expect(settled).toHaveLength(1);
    const next = new Holding({ shard: 1, epoch: 2 });
    dispatcher.enqueue(anEffect(2), next);
    await scheduler.pass(100);
    expect(dispatcher.stats().inFlight).toBe(1);
    next.lose();
    dispatcher.forget(next);
    await scheduler.pass(0);
    expect([settled.length, dispatcher.stats().inFlight]).toEqual([1, 0]);
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
    for (let index = 0; index < 40; index++) dispatcher.enqueue(anEffect(index, "commentOnIssue"), holding);
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
    for (let index = 0; index < 5; index++) dispatcher.enqueue(anEffect(index, "commentOnIssue"), holding);
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

  test("what was over when it was settled is performed again, as a repeat, until it is settled", async () => {
    const repeats: boolean[] = [];
    const { scheduler, dispatcher, holding, told } = setup(
      async ({ isRepeated }) => {
        repeats.push(isRepeated);
        return { kind: "answer", event: null, launch: { taskArn: "arn:1", isStopped: isRepeated } };
      },
      async (_, [one]) => {
        const effectId = one?.effectId ?? "";
        return [one?.launch?.isStopped ? { kind: "settled", effectId, mail: [] } : { kind: "over", effectId }];
      },
    );
    dispatcher.enqueue(anEffect(), holding);
    await scheduler.pass(1_000);
    expect(repeats).toEqual([false, true]);
    expect(told).toMatchObject([{ kind: "settled" }]);
    expect(dispatcher.stats()).toMatchObject({ waiting: 0, inFlight: 0 });
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
      dispatcher.enqueue(anEffect(0, "resolveDependencies"), holding);
      await scheduler.pass(10_000);
      expect(told.flatMap((settled) => ("mail" in settled ? settled.mail : []))).toEqual(mail);
    }
  });

  test("D5: being told to wait is no attempt and no failure, keeps its turn, and is said", async () => {
    let isOpen = false;
    const { scheduler, dispatcher, holding, calls, settled, settledAll } = setup(async () => {
      if (!isOpen) throw new RateLimited("linear", "Linear's rate limit is reached", 60_000);
      return DONE;
    });
    for (let index = 0; index < 30; index++)
      dispatcher.enqueue({ ...anEffect(index, "commentOnIssue"), createdAt: index }, holding);
    await scheduler.pass(20 * 60_000);
    expect(settled).toEqual([]);
    expect(calls.length).toBeLessThan(30 * 22); // once a minute each, not as fast as it can
    const [wait] = dispatcher.waits();
    expect(wait).toMatchObject({
      farSide: "linear",
      budget: "linear",
      reason: "Linear's rate limit is reached",
      effects: 30,
      since: 0,
    });
    expect(wait!.until - scheduler.nowMs).toBeLessThanOrEqual(60_000);
    expect(dispatcher.waitsOf("a/b/c/coder-1")[0]).toMatchObject({
      kind: "commentOnIssue",
      reason: "Linear's rate limit is reached",
    });
    expect(dispatcher.stats().open).toEqual([]);
    isOpen = true;
    const before = calls.length;
    await settledAll(30);
    expect(calls.slice(before).map(({ effectId }) => effectId)).toEqual(
      Array.from({ length: 30 }, (_, index) => anEffect(index).effectId),
    );
    expect(dispatcher.waits()).toEqual([]);
  });

  test("D5: one installation that has to wait does not hold up another", async () => {
    const { dispatcher, holding, settled, settledAll } = setup(async ({ effectId }) => {
      if (effectId.includes(":1:")) throw new RateLimited("github/1", "spent", 3_000_000);
      return DONE;
    });
    for (let index = 1; index <= 3; index++) dispatcher.enqueue(anEffect(index, "openPullRequest"), holding);
    await settledAll(2);
    expect(settled.map(({ effectId }) => effectId)).toEqual([anEffect(2).effectId, anEffect(3).effectId]);
  });

  test("D5: 5,000 launches after an outage go out oldest first, at ECS's pace, and no stop waits behind them", async () => {
    const clock = { now: () => 0 };
    const pace = new LaunchPace({ elapsed: () => clock.now() });
    const far = new LaunchPace({ elapsed: () => clock.now() }); // ECS's own bucket
    let throttled = 0;
    const sent: { effectId: string; at: number }[] = [];
    const { scheduler, dispatcher, holding, settled, settledAll } = setup(async ({ effectId }) => {
      if (effectId.endsWith(":stop")) return DONE;
      pace.take();
      sent.push({ effectId, at: clock.now() });
      if (far.wait()) throttled++;
      else far.take();
      return DONE;
    });
    clock.now = () => scheduler.nowMs;
    await scheduler.pass(60_000);
    const startedAt = scheduler.nowMs;
    // Two shards' rows, each in its own order, one after the other.
    const rows = Array.from({ length: 5_000 }, (_, index) => ({ ...anEffect(index), createdAt: index }));
    for (const half of [0, 1]) for (const row of rows) if (row.createdAt % 2 === half) dispatcher.enqueue(row, holding);
    await scheduler.pass(5_000);
    dispatcher.enqueue({ ...anEffect(0, "stopTask"), effectId: "a:stop", createdAt: 9_999 }, holding);
    await scheduler.pass(50);
    expect(settled.some(({ effectId }) => effectId === "a:stop")).toBe(true);
    expect(await settledAll(5_001)).toBe(true);
    const took = scheduler.nowMs - startedAt;
    expect(took).toBeGreaterThan(248_000);
    expect(took).toBeLessThan(255_000);
    expect([sent.length, throttled]).toEqual([5_000, 0]);
    // What came with the first shard's rows was asked for before the second's were known.
    const order = sent.map(({ effectId }) => rows.findIndex((row) => row.effectId === effectId)).slice(CONCURRENCY.ecs * 2);
    expect(order).toEqual([...order].sort((one, other) => one - other));
  });

  test("D5: who has waited for minutes is known, with the attempt, so that its agent can be told", async () => {
    const { scheduler, dispatcher, holding } = setup(async () => {
      throw new RateLimited("ecs/launches", "ECS has no room", 30_000);
    });
    const payload = JSON.stringify({ kind: "runTask", attempt: 3 });
    dispatcher.enqueue({ ...anEffect(), payload, createdAt: scheduler.nowMs }, holding);
    await scheduler.pass(60_000);
    expect(dispatcher.heldBack("runTask", 240_000, 10)).toEqual([]);
    await scheduler.pass(200_000);
    expect(dispatcher.heldBack("runTask", 240_000, 10)).toMatchObject([
      { actor: "a/b/c/coder-1", attempt: 3, reason: "ECS has no room" },
    ]);
  });

  test("D5: news of a budget is used at once", async () => {
    let isOpen = false;
    const { scheduler, dispatcher, holding, settled } = setup(async () => {
      if (!isOpen) throw new RateLimited("ecs/launches", "ECS has no room", 600_000);
      return DONE;
    });
    dispatcher.enqueue(anEffect(), holding);
    await scheduler.pass(1_000);
    isOpen = true;
    dispatcher.reopen("ecs/launches");
    await scheduler.pass(10);
    expect(settled).toHaveLength(1);
  });

  test("D6: the moves of one ticket reach Linear in the order asked for, though the first one fails for a while", async () => {
    let tries = 0;
    const { dispatcher, holding, calls, settledAll } = setup(async ({ effectId }) => {
      if (effectId === anEffect(0).effectId && ++tries < 4) throw new Down("502");
      return DONE;
    });
    for (let index = 0; index < 3; index++) dispatcher.enqueue({ ...anEffect(index, "moveIssue"), createdAt: index }, holding);
    const other = { ...anEffect(7, "moveIssue"), actor: "a/b/d" };
    dispatcher.enqueue(other, holding);
    await settledAll(4);
    const order = calls.map(({ effectId }) => effectId);
    expect(order.slice(0, 2)).toEqual([anEffect(0).effectId, other.effectId]);
    expect(order.slice(-3)).toEqual([anEffect(0).effectId, anEffect(1).effectId, anEffect(2).effectId]);
  });

  test("a performer that throws what it should not is given up after 40 tries, not after a day", async () => {
    const { dispatcher, holding, calls, settledAll } = setup(() => Promise.reject(new TypeError("undefined is not a function")));
    dispatcher.enqueue(anEffect(0, "commentOnIssue"), holding);
    await settledAll(1);
    expect(calls).toHaveLength(FAULT_ATTEMPTS);
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
