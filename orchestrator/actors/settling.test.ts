// Endings on their way to the store, in virtual time: how many go together, and whom they let go first.

import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import type { Mail, PendingEffect, Settled } from "../../convex/steps.ts";
import { CALM, Process, Scheduler } from "../testing/scheduler.ts";
import type { Clock } from "./clock.ts";
import { Holding } from "./holding.ts";
import { Inbox } from "./inbox.ts";
import { Settling } from "./settling.ts";

function setup() {
  const scheduler = new Scheduler();
  const { clock } = new Process(scheduler, seeded(1), () => CALM);
  let timers = 0;
  const after: Clock["after"] = (ms, call) => {
    timers++;
    return clock.after(ms, call);
  };
  const holding = new Holding({ shard: 0, epoch: 1 });
  const others = new Holding({ shard: 1, epoch: 1 });
  const inbox = new Inbox();
  const calls: number[] = [];
  const settling = new Settling({
    store: {
      settle: async (_epochs, settlements) => {
        calls.push(settlements.length);
        return settlements.map(({ effectId }): Settled => ({ kind: "settled", effectId, mail: [] }));
      },
    },
    clock: { ...clock, after },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    onSettled: () => {},
    onFenced: () => {},
    inbox,
  });
  let [count, arrived] = [0, 0];
  const endOf = (holding: Holding, ...answers: readonly string[]) => {
    for (const answer of answers) {
      const effectId = `acme/shop/oma-${count++}:1:0`;
      const effect: PendingEffect = { effectId, actor: "acme/shop", kind: "stopTask", payload: "{}", createdAt: 1 };
      const ending = { state: "done", error: null, answer, launch: null } as const;
      settling.add({ effect, holding, ending, refused: () => ending, ended: () => {}, again: () => {} });
    }
  };
  const end = (...answers: readonly string[]) => endOf(holding, ...answers);
  const steps = (events: number) => {
    for (let event = 0; event < events; event++) {
      const id = `mail-${++arrived}` as Mail["id"];
      const cause = { kind: "actor", name: "acme/app" } as const;
      inbox.add({ actor: "acme/app", holding: others, source: { kind: "mail", id }, eventId: id, event: "{}", cause });
    }
  };
  const pass = (ms: number) => scheduler.pass(ms);
  return { settling, inbox, holding, calls, end, endOf, steps, pass, timers: () => timers };
}

describe("settling", () => {
  test("what ends together is settled together, 256 at a time", async () => {
    const { calls, end, pass } = setup();
    end(...Array.from({ length: 600 }, () => "{}"));
    await pass(1);
    expect(calls).toEqual([256, 256, 88]);
  });

  test("long answers go by fewer, so that a call stays far below what Convex takes", async () => {
    const { calls, end, pass } = setup();
    end(...Array.from({ length: 40 }, () => "x".repeat(64 * 1024)));
    await pass(1);
    expect(calls).toEqual([16, 16, 8]);
  });

  test("few steps that wait hold nothing up", async () => {
    const { calls, end, steps, pass } = setup();
    steps(200);
    end("{}");
    await pass(1);
    expect(calls).toEqual([1]);
  });

  test("a backlog goes first, and what comes in after an ending does not", async () => {
    const { inbox, calls, end, steps, pass } = setup();
    steps(1_000);
    end("{}", "{}");
    steps(1_000);
    inbox.take(900);
    await pass(500);
    expect(calls).toEqual([]);
    inbox.take(100);
    await pass(0);
    expect(calls).toEqual([2]);
  });

  test("what is put back goes before an ending again", async () => {
    const { inbox, calls, end, steps, pass } = setup();
    steps(1_000);
    end("{}");
    await pass(0);
    inbox.putBack(inbox.take(1_000));
    await pass(500);
    expect(calls).toEqual([]);
    inbox.take(1_000);
    await pass(0);
    expect(calls).toEqual([1]);
  });

  test("no ending waits for a backlog longer than two seconds, nor looks whether it is over", async () => {
    const { calls, end, steps, pass, timers } = setup();
    steps(10_000);
    end("{}");
    await pass(1_999);
    end("{}");
    expect(calls).toEqual([]);
    expect(timers()).toBe(1);
    await pass(1);
    expect(calls).toEqual([2]);
    expect(timers()).toBe(1);
  });

  test("O4: the endings of a shard that is handed over wait for nobody", async () => {
    const { settling, calls, holding, end, steps, pass } = setup();
    steps(10_000);
    end("{}");
    await pass(100);
    expect(calls).toEqual([]);
    holding.close();
    settling.look();
    await pass(0);
    expect(calls).toEqual([1]);
  });

  test("O4: nor does one that ends after that, nor whatever waits before it", async () => {
    const { settling, calls, holding, end, endOf, steps, pass } = setup();
    const next = new Holding({ shard: 2, epoch: 1 });
    steps(10_000);
    endOf(next, "{}");
    holding.close();
    settling.look();
    await pass(100);
    expect(calls).toEqual([]);
    end("{}");
    await pass(0);
    expect(calls).toEqual([2]);
  });
});
