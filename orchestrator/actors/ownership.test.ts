import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import type { Epoch } from "../../convex/steps.ts";
import { type HostStore, Unanswered } from "../store/host-store.ts";
import { CALM, Process, Scheduler } from "../testing/scheduler.ts";
import type { Holding } from "./holding.ts";
import { Ownership } from "./ownership.ts";

/** One shard whose answers the test decides. */
function setup(store: Partial<HostStore>) {
  const scheduler = new Scheduler();
  const { clock } = new Process(scheduler, seeded(1), () => CALM);
  const taken: Holding[] = [];
  const lost: Holding[] = [];
  const released: Epoch[] = [];
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const ownership = new Ownership({
    store: { renew: async () => [], release: async (leases) => void released.push(...leases), ...store } as HostStore,
    clock,
    log: quiet,
    onTaken: (holding) => void taken.push(holding),
    onLost: (holding) => void lost.push(holding),
  });
  return { scheduler, ownership, taken, lost, released };
}

const epochs = (holdings: readonly Holding[]) => holdings.map(({ epoch }) => epoch.epoch);

describe("ownership", () => {
  test("goes on claiming what it does not hold, and renews what it does every 3 s", async () => {
    let renewals = 0;
    const asked: number[] = [];
    const { scheduler, ownership, taken } = setup({
      claim: async (shards) => {
        asked.push(shards.length);
        return asked.length === 2 ? [{ shard: 3, epoch: 9 }] : [];
      },
      renew: async () => {
        renewals++;
        return [];
      },
    });
    void ownership.start();
    await scheduler.pass(10_000);
    expect(epochs(taken)).toEqual([9]);
    expect(asked).toEqual([16, 16, 15, 15]);
    expect(renewals).toBe(2);
  });

  test("O2: a refusal that comes late, to an earlier holding, does not cost the present one", async () => {
    let epoch = 0;
    const { scheduler, ownership, taken, lost } = setup({ claim: async () => [{ shard: 0, epoch: ++epoch }] });
    void ownership.start();
    await scheduler.pass(100);
    const [first] = taken;
    ownership.lost(first!);
    await scheduler.pass(3_000);
    ownership.lost(first!);
    expect(epochs(lost)).toEqual([1]);
    expect(epochs(ownership.holdings)).toEqual([2]);
  });

  test("O3: a retaken shard is claimed at once, under a new epoch", async () => {
    let epoch = 0;
    const { scheduler, ownership, taken } = setup({ claim: async () => [{ shard: 0, epoch: ++epoch }] });
    void ownership.start();
    await scheduler.pass(100);
    ownership.retake(taken[0]!, "test");
    expect(taken[0]?.isLost).toBe(true);
    await scheduler.pass(10);
    expect(epochs(ownership.holdings)).toEqual([2]);
  });

  test("O1: of two claims that cross, the later epoch stays", async () => {
    const answers: ((epochs: Epoch[]) => void)[] = [];
    const { scheduler, ownership, taken } = setup({
      claim: () => new Promise((resolve) => void answers.push(resolve)),
    });
    void ownership.start();
    await scheduler.pass(10);
    answers[0]?.([{ shard: 0, epoch: 1 }]);
    await scheduler.pass(3_000);
    ownership.retake(taken[0]!, "test");
    const later = answers.pop();
    later?.([{ shard: 0, epoch: 3 }]);
    await scheduler.pass(10);
    for (const answer of answers) answer([{ shard: 0, epoch: 2 }]);
    await scheduler.pass(10);
    expect(epochs(ownership.holdings)).toEqual([3]);
  });

  test("a claim that is answered after the stop is given back", async () => {
    let answer: (epochs: Epoch[]) => void = () => {};
    const { scheduler, ownership, taken, released } = setup({
      claim: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    void ownership.start();
    await scheduler.pass(1);
    await ownership.stop();
    answer([{ shard: 5, epoch: 4 }]);
    await scheduler.pass(10);
    expect([taken, released]).toEqual([[], [{ shard: 5, epoch: 4 }]]);
  });

  test("a store that does not answer is asked again", async () => {
    let tries = 0;
    const { scheduler, ownership, taken } = setup({
      claim: async () => {
        if (++tries < 3) throw new Unanswered("timeout");
        return [{ shard: 0, epoch: 1 }];
      },
    });
    void ownership.start();
    await scheduler.pass(1_000);
    expect(ownership.isSettled).toBe(false);
    await scheduler.pass(6_000);
    expect([epochs(taken), ownership.isSettled]).toEqual([[1], true]);
  });
});
