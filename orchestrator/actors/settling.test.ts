// Endings on their way to the store, in virtual time: how many go together, and whom they let go first.

import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import type { PendingEffect, Settled } from "../../convex/steps.ts";
import { CALM, Process, Scheduler } from "../testing/scheduler.ts";
import { Holding } from "./holding.ts";
import { Settling } from "./settling.ts";

function setup() {
  const scheduler = new Scheduler();
  const { clock } = new Process(scheduler, seeded(1), () => CALM);
  const holding = new Holding({ shard: 0, epoch: 1 });
  const inbox = { size: 0, arrivals: 0 };
  const calls: number[] = [];
  const settling = new Settling({
    store: {
      settle: async (_epochs, settlements) => {
        calls.push(settlements.length);
        return settlements.map(({ effectId }): Settled => ({ kind: "settled", effectId, mail: [] }));
      },
    },
    clock,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    onSettled: () => {},
    onFenced: () => {},
    inbox,
  });
  let count = 0;
  const end = (...answers: readonly string[]) => {
    for (const answer of answers) {
      const effectId = `acme/shop/oma-${count++}:1:0`;
      const effect: PendingEffect = { effectId, actor: "acme/shop", kind: "stopTask", payload: "{}", createdAt: 1 };
      const ending = { state: "done", error: null, answer, launch: null } as const;
      settling.add({ effect, holding, ending, refused: () => ending, ended: () => {}, again: () => {} });
    }
  };
  const steps = (arrived: number) => {
    inbox.size += arrived;
    inbox.arrivals += arrived;
  };
  const taken = (events: number) => {
    inbox.size -= events;
  };
  return { scheduler, holding, calls, end, steps, taken, pass: (ms: number) => scheduler.pass(ms) };
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
    const { calls, end, steps, taken, pass } = setup();
    steps(1_000);
    end("{}", "{}");
    steps(1_000);
    taken(900);
    await pass(500);
    expect(calls).toEqual([]);
    taken(100);
    await pass(50);
    expect(calls).toEqual([2]);
  });

  test("no ending waits for a backlog longer than two seconds", async () => {
    const { calls, end, steps, pass } = setup();
    steps(10_000);
    end("{}");
    await pass(1_900);
    end("{}");
    expect(calls).toEqual([]);
    await pass(150);
    expect(calls).toEqual([2]);
  });

  test("O4: the endings of a shard that is handed over wait for nobody", async () => {
    const { calls, holding, end, steps, pass } = setup();
    steps(10_000);
    end("{}");
    await pass(100);
    expect(calls).toEqual([]);
    holding.close();
    await pass(50);
    expect(calls).toEqual([1]);
  });
});
