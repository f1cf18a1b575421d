import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { IntervalIndex } from "./interval-index.ts";
import { compareKeys } from "./keys.ts";

const key = fc.uint8Array({ maxLength: 2, max: 4 });
const interval = fc.record({ indexId: fc.constantFrom(1, 2), start: key, end: key });

describe("interval index", () => {
  test("T1: stab finds what a linear search finds, while intervals come and go", () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant("insert" as const), interval }),
      fc.record({ kind: fc.constant("remove" as const), at: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.array(key, { minLength: 5, maxLength: 5 }), (actions, keys) => {
        const index = new IntervalIndex<number>();
        const live: {
          value: number;
          indexId: number;
          start: Uint8Array;
          end: Uint8Array;
          handle: ReturnType<typeof index.insert>;
        }[] = [];
        for (const [value, step] of actions.entries()) {
          if (step.kind === "insert") live.push({ value, ...step.interval, handle: index.insert(step.interval, value) });
          else for (const gone of live.splice(step.at % (live.length + 1), 1)) index.remove(gone.handle);
        }
        expect(index.size).toBe(live.length);
        for (const k of keys) {
          const found: number[] = [];
          index.stab(1, k, (value) => found.push(value));
          const expected = live.filter((i) => i.indexId === 1 && compareKeys(i.start, k) <= 0 && compareKeys(k, i.end) < 0);
          expect(found.sort()).toEqual(expected.map((i) => i.value).sort());
        }
      }),
      { numRuns: 300 },
    );
  });

  test("removing twice is harmless", () => {
    const index = new IntervalIndex<string>();
    const handle = index.insert({ indexId: 1, start: Uint8Array.of(1), end: Uint8Array.of(2) }, "a");
    index.remove(handle);
    index.remove(handle);
    expect(index.size).toBe(0);
  });

  test("100,000 intervals with rising starts are stabbed without walking them", () => {
    const index = new IntervalIndex<number>();
    const at = (n: number) => Uint8Array.of(n >> 16, (n >> 8) & 255, n & 255);
    for (let i = 0; i < 100_000; i++) index.insert({ indexId: 1, start: at(i), end: at(i + 1) }, i);
    const started = performance.now();
    let hits = 0;
    for (let i = 0; i < 1_000; i++) index.stab(1, at(i * 97), () => hits++);
    expect(hits).toBe(1_000);
    expect(performance.now() - started).toBeLessThan(1_000); // a walk would visit 100 million nodes
  });
});
