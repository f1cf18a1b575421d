// The checker itself: it must reject a history of each anomaly by name, and accept every history a correct database can make.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { check } from "./checker.ts";
import type { Operation, Txn } from "./history.ts";

const append = (list: string, value: number): Operation => ({ kind: "append", list, value });
const read = (list: string, ...seen: number[]): Operation => ({ kind: "read", list, seen });

/** Transactions that all overlap, unless told when they ran. */
const history = (...txns: (readonly Operation[] | (Partial<Txn> & { operations: readonly Operation[] }))[]): Txn[] =>
  txns.map((each, id) => ({
    id,
    client: `client ${id}`,
    invokedAtMs: 0,
    completedAtMs: 100,
    outcome: "committed" as const,
    ...("operations" in each ? each : { operations: each }),
  }));
const anomalies = (...txns: Parameters<typeof history>) => [...new Set(check(history(...txns)).map(({ anomaly }) => anomaly))];

describe("histories that no serialisable database makes", () => {
  test("internal: a transaction does not see its own append, or reads one list as two", () => {
    expect(anomalies([append("x", 1), read("x")])).toEqual(["internal"]);
    expect(anomalies([append("x", 1)], [read("x"), read("x", 1)])).toContain("internal");
  });
  test("garbage and duplicate values", () => {
    expect(anomalies([read("x", 7)])).toEqual(["garbage read"]);
    expect(anomalies([append("x", 1)], [read("x", 1, 1)])).toContain("duplicate");
    expect(anomalies([append("x", 1)], [append("x", 1)])).toContain("duplicate");
  });
  test("incompatible order: two reads of one list that cannot both have been", () => {
    expect(anomalies([append("x", 1)], [append("x", 2)], [read("x", 1, 2)], [read("x", 2)])).toContain("incompatible order");
  });
  test("G1a: a read of what was rolled back", () => {
    expect(anomalies({ outcome: "aborted", operations: [append("x", 1)] }, [read("x", 1)])).toEqual(["aborted read"]);
  });
  test("G1b: a read from the middle of a transaction", () => {
    expect(anomalies([append("x", 1), append("x", 2)], [read("x", 1)], [read("x", 1, 2)])).toContain("intermediate read");
  });
  test("G0: dirty writes", () => {
    expect(
      anomalies([append("x", 1), append("y", 1)], [append("x", 2), append("y", 2)], [read("x", 1, 2)], [read("y", 2, 1)]),
    ).toEqual(["G0"]);
  });
  test("G1c: each saw the other", () => {
    expect(anomalies([append("x", 1), read("y", 2)], [append("y", 2), read("x", 1)])).toEqual(["G1c"]);
  });
  test("G-single: read skew", () => {
    expect(anomalies([append("x", 1), append("y", 1)], [read("x"), read("y", 1)])).toEqual(["G-single"]);
  });
  test("G-single: lost update, both having read the same version", () => {
    expect(anomalies([read("x"), append("x", 1)], [read("x"), append("x", 2)], [read("x", 1, 2)])).toEqual(["G-single"]);
  });
  test("G2: write skew", () => {
    expect(anomalies([read("x"), append("y", 1)], [read("y"), append("x", 1)])).toEqual(["G2"]);
    expect(
      anomalies([read("x"), read("y"), append("y", 1)], [read("x"), read("y"), append("x", 1)], [read("x", 1), read("y", 1)]),
    ).toEqual(["G2"]);
  });
  test("not strict: a stale read after the acknowledgement", () => {
    const at = (invokedAtMs: number, completedAtMs: number, operations: Operation[]) => ({
      invokedAtMs,
      completedAtMs,
      operations,
    });
    expect(anomalies(at(0, 1, [append("x", 1)]), at(2, 3, [read("x")]), at(4, 5, [read("x", 1)]))).toEqual(["not strict"]);
    expect(anomalies(at(0, 2, [append("x", 1)]), at(2, 3, [read("x")]))).toEqual([]); // at one instant: concurrent
  });
  test("not strict: an acknowledged append is gone, though no read ever saw it", () => {
    expect(
      anomalies(
        { invokedAtMs: 0, completedAtMs: 1, operations: [append("x", 1)] },
        { invokedAtMs: 2, completedAtMs: 3, operations: [read("x")] },
      ),
    ).toEqual(["not strict"]);
  });
  test("not strict: a chain of overlapping transactions carries real time", () => {
    const at = (invokedAtMs: number, completedAtMs: number, operations: Operation[]) => ({
      invokedAtMs,
      completedAtMs,
      operations,
    });
    expect(
      anomalies(
        at(0, 1, [append("x", 1)]),
        at(2, 4, [append("y", 1)]),
        at(3, 9, []),
        at(5, 6, [append("z", 1)]),
        at(7, 8, [read("x")]),
      ),
    ).toEqual(["not strict"]);
  });
  test("not strict: a subscription that goes back", () => {
    const update = (operations: Operation[], follows?: number) => ({
      invokedAtMs: -Infinity,
      operations,
      ...(follows === undefined ? {} : { follows }),
    });
    expect(anomalies([append("x", 1)], update([read("x", 1)]), update([read("x")], 1))).toEqual(["not strict"]);
    expect(anomalies([append("x", 1)], update([read("x")]), update([read("x", 1)], 1))).toEqual([]);
  });
  test("a long cycle is found in the middle of much that is right", () => {
    const many = Array.from({ length: 200 }, (_, at) => [append(`l${at}`, 1), read(`l${(at + 1) % 200}`)]);
    expect(anomalies(...many)).toEqual(["G2"]);
  });
});

/** A serial run of random transactions, told with clocks that overlap: each took effect somewhere inside its span. */
const serial = fc
  .array(
    fc.record({
      operations: fc.array(fc.record({ list: fc.constantFrom("x", "y", "z"), isAppend: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      earlyMs: fc.nat({ max: 20 }),
      lateMs: fc.nat({ max: 20 }),
      isAborted: fc.nat({ max: 9 }).map((at) => at === 0),
    }),
    { minLength: 5, maxLength: 40 },
  )
  .map((plans): Txn[] => {
    const lists: Record<string, number[]> = { x: [], y: [], z: [] };
    let nextValue = 0;
    return plans.map(({ operations, earlyMs, lateMs, isAborted }, id) => {
      const mine = structuredClone(lists);
      const done = operations.map(({ list, isAppend }): Operation => {
        if (!isAppend) return read(list, ...(mine[list] ?? []));
        mine[list]?.push(++nextValue);
        return append(list, nextValue);
      });
      if (!isAborted) Object.assign(lists, mine);
      const atMs = 5 * id;
      return {
        id,
        client: "c",
        invokedAtMs: atMs - earlyMs,
        completedAtMs: atMs + lateMs + 1,
        outcome: isAborted ? "aborted" : "committed",
        operations: done,
      };
    });
  });

describe("histories of a correct database", () => {
  test("H1: no serial history is rejected, however its transactions overlap", () => {
    fc.assert(
      fc.property(serial, (txns) => expect(check(txns)).toEqual([])),
      { numRuns: 300 },
    );
  });

  test("H2: forget what one transaction saw of another that had ended, and it is rejected", () => {
    let spoiled = 0;
    fc.assert(
      fc.property(serial, fc.nat(), (txns, pick) => {
        const candidates = txns.flatMap((txn) =>
          txn.outcome === "aborted"
            ? []
            : txn.operations.flatMap((each, at) => {
                const last = each.kind === "read" ? each.seen.at(-1) : undefined;
                const writer = txns.find((other) => other.operations.some((o) => o.kind === "append" && o.value === last));
                return last !== undefined && writer && writer.completedAtMs < txn.invokedAtMs ? [{ txn, at }] : [];
              }),
        );
        const chosen = candidates[pick % Math.max(candidates.length, 1)];
        if (chosen === undefined) return;
        spoiled++;
        const operations = chosen.txn.operations.map((each, at) =>
          at === chosen.at && each.kind === "read" ? { ...each, seen: each.seen.slice(0, -1) } : each,
        );
        expect(check(txns.with(chosen.txn.id, { ...chosen.txn, operations }))).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(spoiled).toBeGreaterThan(100);
  });
});
