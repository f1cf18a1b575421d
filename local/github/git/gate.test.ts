// Bounds on what runs at once.
import { describe, expect, test } from "bun:test";
import { Gate, GateFull } from "./gate.ts";

describe("a gate", () => {
  test("lets so many run, lets so many wait in order, refuses the rest, and tells when none is left", async () => {
    const gate = new Gate(2, 2);
    const [first, second] = [await gate.enter(), await gate.enter()];
    const order: string[] = [];
    const waiting = async (name: string) => {
      const leave = await gate.enter();
      order.push(name);
      return leave;
    };
    const [third, fourth] = [waiting("third"), waiting("fourth")];
    await expect(gate.enter()).rejects.toBeInstanceOf(GateFull);
    first();
    first();
    (await third)();
    (await fourth)();
    expect(order).toEqual(["third", "fourth"]);
    let isIdle = false;
    const idle = gate.idle().then(() => (isIdle = true));
    await Promise.resolve();
    expect(isIdle).toBe(false);
    second();
    await idle;
  });
});
