// The soak, short. `bun run soak:convex` is the long one.
import { describe, expect, test } from "bun:test";
import { type Footprint, growth, soak } from "./soak.ts";

describe("a deployment in use for long", () => {
  test("S1, S2: months go by, people come and go, and neither memory nor the file grows", async () => {
    const report = await soak({ people: 12, stretches: 3, mutationsPerStretch: 1500, usedMs: 3_600_000 });
    expect(growth(report)).toEqual([]);
    expect(report.reconnects).toBeGreaterThan(10);
    expect(report.callbacks).toBeGreaterThan(report.mutations);
  }, 120_000);

  test("growth of each kind is told", () => {
    const small: Footprint = { rssMb: 100, heapMb: 20, fileMb: 10, logMb: 1 };
    const large: Footprint = { rssMb: 300, heapMb: 30, fileMb: 20, logMb: 1 };
    const report = { mutations: 10, callbacks: 1, reconnects: 1, forgotten: 9, footprints: [small, large], largestLogMb: 200 };
    expect(growth(report)).toHaveLength(5);
    expect(growth({ ...report, forgotten: 10, footprints: [small, small], largestLogMb: 30 })).toEqual([]);
  });
});
