import { describe, expect, test } from "bun:test";
import { Holding } from "./holding.ts";

describe("a holding", () => {
  test("takes a mailbox row once, again only if it was left, and knows the last thousands that were consumed", () => {
    const holding = new Holding({ shard: 3, epoch: 1 });
    expect([holding.admit("a"), holding.admit("a")]).toEqual([true, false]);
    holding.leave("a");
    expect(holding.admit("a")).toBe(true);

    const ids = Array.from({ length: 20_000 }, (_, index) => `mail-${index}`);
    for (const id of ids) {
      expect(holding.admit(id)).toBe(true);
      holding.consumed(id);
    }
    const known = ids.filter((id) => !holding.admit(id));
    expect(known).toEqual(ids.slice(-known.length));
    expect(known.length).toBeGreaterThanOrEqual(4_096);
    expect(known.length).toBeLessThan(3 * 4_096);
  });
});
