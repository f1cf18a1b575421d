import { describe, expect, test } from "bun:test";
import type { PendingEffect, Settled } from "../../convex/steps.ts";
import { systemClock } from "./clock.ts";
import { Holding } from "./holding.ts";
import { Settling } from "./settling.ts";

/** Settles one effect for each of these answers, all at once. @returns the sizes of the calls that stored them */
async function callsFor(answers: readonly string[]): Promise<number[]> {
  const calls: number[] = [];
  const holding = new Holding({ shard: 0, epoch: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  let ended = 0;
  const settling = new Settling({
    store: {
      settle: async (_epochs, settlements) => {
        calls.push(settlements.length);
        return settlements.map(({ effectId }): Settled => ({ kind: "settled", effectId, mail: [] }));
      },
    },
    clock: systemClock,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    onSettled: () => {},
    onFenced: () => {},
  });
  answers.forEach((answer, index) => {
    const effectId = `acme/shop/oma-${index}:1:0`;
    const effect: PendingEffect = { effectId, actor: "acme/shop", kind: "stopTask", payload: "{}", createdAt: 1 };
    settling.add({
      effect,
      holding,
      ending: { state: "done", error: null, answer, launch: null },
      refused: () => ({ state: "failed", error: "", answer: null, launch: null }),
      ended: () => {
        if (++ended === answers.length) resolve();
      },
      again: () => {},
    });
  });
  await promise;
  return calls;
}

describe("settling", () => {
  test("what ends together is settled together, 256 at a time", async () => {
    expect(await callsFor(Array.from({ length: 600 }, () => "{}"))).toEqual([256, 256, 88]);
  });

  test("long answers go by fewer, so that a call stays far below what Convex takes", async () => {
    const calls = await callsFor(Array.from({ length: 40 }, () => "x".repeat(64 * 1024)));
    expect(calls).toEqual([16, 16, 8]);
  });
});
