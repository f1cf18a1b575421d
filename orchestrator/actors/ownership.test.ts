import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import type { Attendance, Epoch } from "../../convex/steps.ts";
import { type HostStore, Unanswered } from "../store/host-store.ts";
import { CALM, Process, Scheduler } from "../testing/scheduler.ts";
import type { Holding } from "./holding.ts";
import { LEASE_TTL_MS, Ownership } from "./ownership.ts";

const NOTHING: Attendance = { isReplaced: false, lost: [], taken: [], surplus: [], nextEndMs: null };
const given = (...epochs: Epoch[]): Attendance => ({
  ...NOTHING,
  taken: epochs.map((epoch) => ({ ...epoch, unattendedMs: 0 })),
});

interface Asked {
  readonly held: readonly Epoch[];
  readonly sinceMs: number | null;
  readonly at: number;
}

/** A store whose answers the test decides. */
function setup(answer: (call: Asked & { readonly count: number }) => Partial<Attendance> | Promise<Partial<Attendance>>) {
  const scheduler = new Scheduler();
  const process = new Process(scheduler, seeded(1), () => CALM);
  const taken: Holding[] = [];
  const lost: Holding[] = [];
  const asked: Asked[] = [];
  const released: { leases: readonly Epoch[]; isLeaving: boolean }[] = [];
  const finishing: { holding: Holding; done: () => void }[] = [];
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  let rosterChanged = () => {};
  const ownership = new Ownership({
    store: {
      attend: async (held, _, sinceMs) => {
        const call = { held: [...held], sinceMs, at: scheduler.nowMs };
        asked.push(call);
        return { ...NOTHING, ...(await answer({ ...call, count: asked.length })) };
      },
      release: async (leases, isLeaving) => void released.push({ leases: [...leases], isLeaving }),
      watchRoster: (onChange) => {
        rosterChanged = onChange;
        return () => {
          rosterChanged = () => {};
        };
      },
    } as Partial<HostStore> as HostStore,
    clock: process.clock,
    log: quiet,
    onTaken: (holding) => void taken.push(holding),
    onLost: (holding) => void lost.push(holding),
    finish: (holding) => new Promise((done) => void finishing.push({ holding, done })),
  });
  return { scheduler, process, ownership, taken, lost, asked, released, finishing, push: () => rosterChanged() };
}

const epochs = (holdings: readonly Holding[]) => holdings.map(({ epoch }) => epoch.epoch);

describe("ownership", () => {
  test("says three times in a lease that it is here, what it holds, and how long it was not heard", async () => {
    const { scheduler, ownership, taken, asked } = setup(({ count }) => (count === 2 ? given({ shard: 3, epoch: 9 }) : {}));
    void ownership.start();
    await scheduler.pass(10_000);
    expect(epochs(taken)).toEqual([9]);
    expect(asked.map(({ held, sinceMs }) => [held.length, sinceMs])).toEqual([
      [0, null],
      [0, LEASE_TTL_MS / 3],
      [1, LEASE_TTL_MS / 3],
      [1, LEASE_TTL_MS / 3],
    ]);
  });

  test("asks at once when the roster changes, and the moment another's lease ends", async () => {
    const { scheduler, ownership, asked, push } = setup(({ count }) => (count === 1 ? {} : { nextEndMs: 700 }));
    void ownership.start();
    await scheduler.pass(100);
    push();
    await scheduler.pass(1_000);
    const [first, second, third] = asked.map(({ at }) => at - asked[0]!.at);
    expect([first, second]).toEqual([0, 100]);
    expect(third).toBeGreaterThanOrEqual(800);
    expect(third).toBeLessThan(900);
  });

  test("one call at a time: what is wanted meanwhile is one more", async () => {
    const answers: ((attendance: Attendance) => void)[] = [];
    const { scheduler, ownership, asked, push } = setup(() => new Promise((resolve) => void answers.push(resolve)));
    void ownership.start();
    await scheduler.pass(10);
    for (let change = 0; change < 5; change++) push();
    await scheduler.pass(10);
    expect(asked).toHaveLength(1);
    answers[0]?.(NOTHING);
    await scheduler.pass(10);
    expect(asked).toHaveLength(2);
    answers[1]?.(NOTHING);
    await scheduler.pass(10);
    expect(asked).toHaveLength(2);
  });

  test("O2: a refusal that comes late, to an earlier holding, does not cost the present one", async () => {
    let epoch = 0;
    const { scheduler, ownership, taken, lost } = setup(({ held }) =>
      held.length === 0 ? given({ shard: 0, epoch: ++epoch }) : {},
    );
    void ownership.start();
    await scheduler.pass(100);
    const [first] = taken;
    ownership.lost(first!);
    await scheduler.pass(3_000);
    ownership.lost(first!);
    expect(epochs(lost)).toEqual([1]);
    expect(epochs(ownership.holdings)).toEqual([2]);
  });

  test("O3: a retaken shard is not named as held any more, and comes back at once under a new epoch", async () => {
    let epoch = 0;
    const { scheduler, ownership, taken } = setup(({ held }) => (held.length === 0 ? given({ shard: 0, epoch: ++epoch }) : {}));
    void ownership.start();
    await scheduler.pass(100);
    ownership.retake(taken[0]!, "test");
    expect(taken[0]?.isLost).toBe(true);
    await scheduler.pass(10);
    expect(epochs(ownership.holdings)).toEqual([2]);
  });

  test("O4: a shard too many is closed, given back once nothing of it is in flight, and only then forgotten", async () => {
    const { scheduler, ownership, taken, released, finishing } = setup(({ count }) =>
      count === 1 ? given({ shard: 0, epoch: 1 }, { shard: 1, epoch: 1 }) : { surplus: [1] },
    );
    void ownership.start();
    await scheduler.pass(7_000);
    const [stays, goes] = taken;
    expect(finishing.map(({ holding }) => holding)).toEqual([goes!]);
    expect([goes?.isOpen, goes?.isLost, released]).toEqual([false, false, []]);
    finishing[0]?.done();
    await scheduler.pass(1);
    expect([goes?.isLost, stays?.isOpen]).toEqual([true, true]);
    expect(released).toEqual([{ leases: [{ shard: 1, epoch: 1 }], isLeaving: false }]);
  });

  test("O4: one that ends finishes everything, gives everything back and takes no more", async () => {
    const { scheduler, ownership, finishing, released, asked, push } = setup(({ count }) =>
      count === 1 ? given({ shard: 0, epoch: 1 }, { shard: 1, epoch: 1 }) : {},
    );
    void ownership.start();
    await scheduler.pass(1);
    const stopping = ownership.stop();
    await scheduler.pass(1);
    expect(released).toEqual([]);
    for (const { done } of finishing) done();
    await stopping;
    expect(released.map(({ leases, isLeaving }) => [leases.length, isLeaving])).toEqual([[2, true]]);
    push();
    await scheduler.pass(60_000);
    expect([asked.length, ownership.holdings]).toEqual([1, []]);
  });

  test("a call that is answered after the end is given back", async () => {
    let answer: (attendance: Attendance) => void = () => {};
    const { scheduler, ownership, taken, released } = setup(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    void ownership.start();
    await scheduler.pass(1);
    const stopping = ownership.stop();
    await scheduler.pass(2_000);
    await stopping;
    answer(given({ shard: 5, epoch: 4 }));
    await scheduler.pass(10);
    expect(taken).toEqual([]);
    expect(released.at(-1)?.leases.map(({ shard, epoch }) => [shard, epoch])).toEqual([[5, 4]]);
  });

  test("a store that does not answer is asked again", async () => {
    const { scheduler, ownership, taken } = setup(({ count }) => {
      if (count < 3) throw new Unanswered("timeout");
      return given({ shard: 0, epoch: 1 });
    });
    void ownership.start();
    await scheduler.pass(1_000);
    expect(ownership.isSettled).toBe(false);
    await scheduler.pass(6_000);
    expect([epochs(taken), ownership.isSettled]).toEqual([[1], true]);
  });

  test("O5: after a stop beyond the lease nothing is begun before the store has said what is still ours", async () => {
    let answer: (attendance: Partial<Attendance>) => void = () => {};
    const { scheduler, ownership, taken, process } = setup(({ count }) =>
      count === 1
        ? given({ shard: 0, epoch: 1 }, { shard: 1, epoch: 1 })
        : new Promise((resolve) => {
            answer = resolve;
          }),
    );
    void ownership.start();
    await scheduler.pass(1);
    const [kept, gone] = taken;
    const said: string[] = [];
    process.pause(20_000);
    await scheduler.pass(19_000);
    expect(ownership.isAssured).toBe(false);
    void ownership.assured(kept!).then(() => said.push("kept"));
    void ownership.assured(gone!).catch(({ code }) => said.push(code));
    await scheduler.pass(900);
    expect(said).toEqual([]);
    answer({ lost: [1] });
    await scheduler.pass(1);
    expect(said.sort()).toEqual(["fenced", "kept"]);
  });

  test("what nobody looked after for longer than a lease, and what we could not reach ourselves, has a heartbeat of grace", async () => {
    const { scheduler, ownership, taken, process } = setup(({ count }) =>
      count > 1
        ? {}
        : {
            taken: [
              { shard: 0, epoch: 1, unattendedMs: 200 },
              { shard: 1, epoch: 1, unattendedMs: 3_600_000 },
              { shard: 2, epoch: 1, unattendedMs: null },
            ],
          },
    );
    void ownership.start();
    await scheduler.pass(1);
    const left = () => taken.map(({ graceUntil }) => Math.max(0, Math.ceil((graceUntil - scheduler.nowMs) / 1_000)));
    expect(left()).toEqual([0, 10, 10]);
    process.pause(60_000);
    await scheduler.pass(60_001);
    expect(left()).toEqual([10, 10, 10]);
  });
});
