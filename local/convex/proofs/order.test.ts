// Index order is Convex's order: the engine's keys, and whole scans of a real store, against compareValues of convex/values.
import { describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { compareValues, convexToJson, jsonToConvex, type Value, v } from "convex/values";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../engine/index.ts";
import { compareKeys, encodeKey } from "../engine/keys.ts";
import { compareValues as compareInFilters } from "../engine/order.ts";
import { applySchema, ask, collect, mutate, rangeOf, temporaryStore } from "../engine/testing.ts";
import { anyField } from "./values.ts";

type Doc = { a: Value | undefined; b: Value | undefined; n: number };
const toJson = (value: Value | undefined): JsonValue => (value === undefined ? { $undefined: null } : convexToJson(value));
const orMissing = (value: Value | undefined) => (value === undefined ? undefined : convexToJson(value));
const keyOf = (...fields: (Value | undefined)[]) => encodeKey(fields.map(orMissing));

describe("order", () => {
  test("20,000 pairs of values of all types: keys and filters order them as compareValues does", () => {
    fc.assert(
      fc.property(anyField, anyField, (a, b) => {
        const expected = Math.sign(compareValues(a, b));
        expect(Math.sign(compareKeys(keyOf(a), keyOf(b)))).toBe(expected);
        expect(Math.sign(compareInFilters(orMissing(a), orMissing(b)))).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  test("4,000 values sorted at once come out the same, so the order is total and has no loops", () => {
    const values = fc.sample(anyField, 4000);
    const byKeys = [...values].sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
    const byConvex = [...values].sort(compareValues);
    for (const [at, value] of byKeys.entries()) expect(compareValues(value, byConvex[at])).toBe(0);
  });

  test("every value comes back from the store as it went in", () => {
    using temporary = temporaryStore();
    fc.assert(
      fc.property(fc.array(anyField, { minLength: 20, maxLength: 20 }), (fields) => {
        mutate(temporary.store, (tx) => {
          for (const field of fields) {
            const id = tx.insert("items", field === undefined ? {} : { a: convexToJson(field) });
            const stored = jsonToConvex(JSON.parse(tx.get(id) ?? "null")) as Partial<Doc>;
            expect(JSON.stringify(orMissing(stored.a))).toBe(JSON.stringify(orMissing(field)));
          }
        });
      }),
      { numRuns: 100 },
    );
  });
});

type Bound = { isInclusive: boolean; value: Value | undefined };
type Range = { equal: (Value | undefined)[]; lower: Bound | null; upper: Bound | null; isDescending: boolean };

describe("index scans", () => {
  test("1,500 ranges of a compound index hold what a sorted list holds, committed and pending", () => {
    using temporary = temporaryStore();
    const { store } = temporary;
    applySchema(store, defineSchema({ items: defineTable(v.any()).index("by_a_b", ["a", "b"]) }));
    // Few different first fields, so that the second one and the creation time decide often.
    const few = fc.sample(anyField, 60);
    const docs: Doc[] = fc
      .sample(fc.tuple(fc.constantFrom(...few), fc.oneof(fc.constantFrom(...few), anyField)), 400)
      .map(([a, b], n) => ({ a, b, n }));
    const insert = (some: Doc[]) => some.map(({ a, b, n }) => present({ a, b, n }));
    mutate(store, (tx) => {
      for (const doc of insert(docs.slice(0, 300))) tx.insert("items", doc);
    });
    const begin = () => {
      const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
      for (const doc of insert(docs.slice(300))) tx.insert("items", doc);
      return tx;
    };
    let pending = begin();

    const sorted = (some: Doc[]) => [...some].sort((x, y) => compareValues(x.a, y.a) || compareValues(x.b, y.b) || x.n - y.n);
    const committed = sorted(docs.slice(0, 300));
    const all = sorted(docs);
    const bound = fc.option(fc.record({ isInclusive: fc.boolean(), value: fc.oneof(fc.constantFrom(...few), anyField) }), {
      nil: null,
    });
    const range: fc.Arbitrary<Range> = fc.record({
      equal: fc.array(fc.constantFrom(...few), { maxLength: 2 }),
      lower: bound,
      upper: bound,
      isDescending: fc.boolean(),
    });
    let nonEmpty = 0;
    fc.assert(
      fc.property(range, (one) => {
        const query = rangeOf("items.by_a_b", stepsOf(one), { order: one.isDescending ? "desc" : "asc" });
        const found = ask(store, (tx) => collect(tx, query)).map(({ n }) => n);
        nonEmpty += Number(found.length > 0);
        expect(found).toEqual(expected(one, committed));
        if (pending.usage.documentsRead > 16_000) pending = begin(); // one transaction may only read so much
        expect(collect(pending, query).map(({ n }) => n)).toEqual(expected(one, all));
      }),
      { numRuns: 1500 },
    );
    expect(nonEmpty).toBeGreaterThan(300);
  }, 60_000);
});

const present = ({ a, b, n }: Doc): JsonObject =>
  Object.fromEntries(
    Object.entries({ a, b, n }).flatMap(([name, value]) => (value === undefined ? [] : [[name, convexToJson(value)]])),
  );

function stepsOf({ equal, lower, upper }: Range): Parameters<typeof rangeOf>[1] {
  const fields = ["a", "b"];
  const steps: Parameters<typeof rangeOf>[1] = equal.map((value, at) => ["Eq", fields[at] ?? "", toJson(value)]);
  const next = fields[equal.length];
  if (next !== undefined && lower) steps.push([lower.isInclusive ? "Gte" : "Gt", next, toJson(lower.value)]);
  if (next !== undefined && upper) steps.push([upper.isInclusive ? "Lte" : "Lt", next, toJson(upper.value)]);
  return steps;
}

function expected({ equal, lower, upper, isDescending }: Range, docs: readonly Doc[]): number[] {
  const held = docs.filter((doc) => {
    const fields = [doc.a, doc.b];
    if (!equal.every((value, at) => compareValues(fields[at], value) === 0)) return false;
    if (equal.length === fields.length) return true;
    const next = fields[equal.length];
    const [low, high] = [lower && compareValues(next, lower.value), upper && compareValues(next, upper.value)];
    const isAbove = low === null || low > 0 || (low === 0 && lower?.isInclusive === true);
    const isBelow = high === null || high < 0 || (high === 0 && upper?.isInclusive === true);
    return isAbove && isBelow;
  });
  return (isDescending ? held.reverse() : held).map(({ n }) => n);
}
