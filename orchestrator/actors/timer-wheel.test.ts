import { describe, expect, test } from "bun:test";
import { seeded } from "@omakase/machines/testing/seeded";
import { Holding } from "./holding.ts";
import { type ArmedTimer, TimerWheel } from "./timer-wheel.ts";

const holding = new Holding({ shard: 0, epoch: 1 });
const aTimer = (overrides: Partial<ArmedTimer> = {}): ArmedTimer => ({
  holding,
  actor: "a/b",
  timerId: "t",
  armedSequence: 1,
  dueAt: 100,
  ...overrides,
});

describe("the timer wheel", () => {
  test("T1: of a timer that was armed again only the last arming comes due", () => {
    const wheel = new TimerWheel();
    wheel.arm(aTimer({ dueAt: 10 }));
    wheel.arm(aTimer({ dueAt: 50, armedSequence: 2 }));
    expect(wheel.takeDue(20)).toEqual([]);
    expect(wheel.takeDue(60).map(({ armedSequence }) => armedSequence)).toEqual([2]);
    expect(wheel.nextDueAt()).toBeNull();
  });

  test("T1: a cancelled timer never comes due, and those of a lost holding are forgotten", () => {
    const wheel = new TimerWheel();
    const lost = new Holding({ shard: 1, epoch: 1 });
    wheel.arm(aTimer());
    wheel.arm(aTimer({ actor: "a/c", holding: lost }));
    wheel.arm(aTimer({ actor: "a/d" }));
    wheel.cancel("a/b", "t");
    wheel.forget(lost);
    expect(wheel.takeDue(1_000).map(({ actor }) => actor)).toEqual(["a/d"]);
  });

  test("T2: 10,000 late timers come at once, in due order", () => {
    const wheel = new TimerWheel();
    const choices = seeded(3);
    for (let index = 0; index < 10_000; index++) wheel.arm(aTimer({ timerId: `t${index}`, dueAt: choices.below(1_000_000) }));
    const due = wheel.takeDue(2_000_000).map(({ dueAt }) => dueAt);
    expect(due).toHaveLength(10_000);
    expect(due).toEqual([...due].sort((a, b) => a - b));
  });

  test("the same operations on a plain list come to the same, over 200 random histories", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const choices = seeded(seed);
      const wheel = new TimerWheel();
      let plain: ArmedTimer[] = [];
      for (let now = 0; now < 400; now++) {
        const timerId = `t${choices.below(12)}`;
        const others = plain.filter((timer) => timer.timerId !== timerId);
        if (choices.chance(0.6)) {
          const timer = aTimer({ timerId, armedSequence: now, dueAt: now + choices.below(60) + now / 1_000 });
          wheel.arm(timer);
          plain = [...others, timer];
        } else if (choices.chance(0.5)) {
          wheel.cancel("a/b", timerId);
          plain = others;
        } else {
          const due = plain.filter(({ dueAt }) => dueAt <= now).sort((a, b) => a.dueAt - b.dueAt);
          plain = plain.filter(({ dueAt }) => dueAt > now);
          expect(wheel.takeDue(now)).toEqual(due);
        }
        expect(wheel.size).toBe(plain.length);
      }
    }
  });
});
