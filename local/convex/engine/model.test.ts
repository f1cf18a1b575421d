// Random programs against a model so simple it can be believed: a list of documents, sorted with Convex's own compareValues.
import { describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { compareValues, convexToJson, jsonToConvex, type Value, v } from "convex/values";
import fc from "fast-check";
import type { JsonObject, JsonValue, Transaction } from "./index.ts";
import { applySchema, collect, rangeOf, scanOf, temporaryStore } from "./testing.ts";

const schema = defineSchema({ items: defineTable(v.any()).index("by_ab", ["a", "b"]).index("by_deep", ["c.d"]) });
const INDEXES: Record<string, string[]> = { by_ab: ["a", "b"], by_deep: ["c.d"], by_creation_time: [], by_id: ["_id"] };

type Doc = Record<string, Value | undefined>;

class Model {
  docs = new Map<string, Doc>();

  sorted(index: string, isDescending: boolean): Doc[] {
    const fields = index === "by_id" ? ["_id"] : [...(INDEXES[index] ?? []), "_creationTime", "_id"];
    const order = (x: Doc, y: Doc) => fields.map((f) => compareValues(at(x, f), at(y, f))).find((c) => c !== 0) ?? 0;
    const all = [...this.docs.values()].sort(order);
    return isDescending ? all.reverse() : all;
  }

  copy(): Model {
    const copy = new Model();
    copy.docs = new Map(this.docs);
    return copy;
  }
}

function at(doc: Doc, path: string): Value | undefined {
  let value: Value | undefined = doc as Value;
  for (const step of path.split("."))
    value = value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Doc)[step] : undefined;
  return value;
}

const small: fc.Arbitrary<Value> = fc.constantFrom<Value[]>(null, 0, -0, 1, 2, 3n, "x", "y", true, Number.NaN);
const optional = fc.option(small, { nil: undefined });
const fields = fc.record({ a: optional, b: optional, c: fc.option(fc.record({ d: small }), { nil: undefined }) });
const pick = fc.nat({ max: 40 });
const bound = fc.option(fc.record({ isInclusive: fc.boolean(), value: optional }), { nil: undefined });
const query = fc.record({
  index: fc.constantFrom("by_ab", "by_deep", "by_creation_time"),
  eq: fc.array(optional, { maxLength: 2 }),
  lower: bound,
  upper: bound,
  isDescending: fc.boolean(),
  take: fc.option(fc.nat({ max: 6 }), { nil: undefined }),
  filterB: fc.option(small, { nil: undefined }),
});
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("insert" as const), fields }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("patch" as const), pick, fields }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("replace" as const), pick, fields }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("get" as const), pick }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("query" as const), query }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pages" as const), query, pageSize: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("count" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Query = typeof query extends fc.Arbitrary<infer T> ? T : never;
const nestedCall = fc.record({ operations: fc.array(operation, { maxLength: 6 }), isAdopted: fc.boolean() });
const program = fc.array(
  fc.record({
    before: fc.array(operation, { maxLength: 12 }),
    nested: fc.option(nestedCall, { nil: undefined }),
    after: fc.array(operation, { maxLength: 6 }),
    isCommitted: fc.boolean(),
  }),
  { maxLength: 6 },
);

const toJson = (value: Value | undefined): JsonValue => (value === undefined ? { $undefined: null } : convexToJson(value));
const present = (doc: Doc): JsonObject =>
  convexToJson(Object.fromEntries(Object.entries(doc).filter(([, value]) => value !== undefined))) as JsonObject;

/** The query as JSON and the documents it should give. */
function both(q: Query, model: Model): { json: JsonObject; expected: Doc[] } {
  const names = INDEXES[q.index] ?? [];
  const eq = q.eq.slice(0, names.length);
  const next = names[eq.length];
  const steps: Parameters<typeof rangeOf>[1] = eq.map((value, i) => ["Eq", names[i] ?? "", toJson(value)]);
  if (next && q.lower) steps.push([q.lower.isInclusive ? "Gte" : "Gt", next, toJson(q.lower.value)]);
  if (next && q.upper) steps.push([q.upper.isInclusive ? "Lte" : "Lt", next, toJson(q.upper.value)]);
  const filter: JsonValue | undefined =
    q.filterB === undefined ? undefined : { $neq: [{ $field: "b" }, { $literal: toJson(q.filterB) }] };
  const json = rangeOf(`items.${q.index}`, steps, { order: q.isDescending ? "desc" : "asc", filter, take: q.take });
  const expected = model.sorted(q.index, q.isDescending).filter((doc) => {
    if (!eq.every((value, i) => compareValues(at(doc, names[i] ?? ""), value) === 0)) return false;
    if (next && q.lower) {
      const c = compareValues(at(doc, next), q.lower.value);
      if (c < 0 || (c === 0 && !q.lower.isInclusive)) return false;
    }
    if (next && q.upper) {
      const c = compareValues(at(doc, next), q.upper.value);
      if (c > 0 || (c === 0 && !q.upper.isInclusive)) return false;
    }
    return q.filterB === undefined || compareValues(doc.b, q.filterB) !== 0;
  });
  return { json, expected: q.take === undefined ? expected : expected.slice(0, q.take) };
}

function perform(operation: Operation, tx: Transaction, model: Model, known: string[]): void {
  const id = "pick" in operation ? known[operation.pick % Math.max(known.length, 1)] : undefined;
  switch (operation.kind) {
    case "insert": {
      const made = tx.insert("items", present(operation.fields));
      known.push(made);
      model.docs.set(made, jsonToConvex(JSON.parse(tx.get(made) ?? "null")) as Doc);
      expect(model.docs.get(made)).toMatchObject(jsonToConvex(present(operation.fields)) as Doc);
      return;
    }
    case "patch":
    case "replace": {
      if (!id) return;
      const old = model.docs.get(id);
      const patch = Object.fromEntries(
        Object.entries(operation.fields).map(([name, value]) => [name, toJson(value as Value | undefined)]),
      );
      const act = () =>
        operation.kind === "patch" ? tx.shallowMerge("items", id, patch) : tx.replace("items", id, present(operation.fields));
      if (!old) {
        expect(act).toThrow(`nonexistent document ID ${id}`);
        return;
      }
      act();
      const { _id, _creationTime } = old;
      model.docs.set(
        id,
        operation.kind === "patch" ? { ...old, ...operation.fields } : { ...operation.fields, _id, _creationTime },
      );
      return;
    }
    case "remove":
      if (!id) return;
      if (!model.docs.has(id)) expect(() => tx.remove("items", id)).toThrow(`Delete on nonexistent document ID ${id}`);
      else tx.remove("items", id);
      model.docs.delete(id);
      return;
    case "get": {
      const doc = id === undefined ? undefined : model.docs.get(id);
      if (id) expect(JSON.parse(tx.get(id) ?? "null")).toEqual(doc ? present(doc) : null);
      return;
    }
    case "query": {
      const { json, expected } = both(operation.query, model);
      expect(collect(tx, json)).toEqual(expected.map(present));
      return;
    }
    case "pages": {
      const { json, expected } = both(operation.query, model);
      const seen: JsonObject[] = [];
      let cursor: string | null = null;
      for (let pages = 0; pages < 60; pages++) {
        const page = tx.queryPage({ query: json, cursor, pageSize: operation.pageSize }, null);
        expect(page.page.length).toBeLessThanOrEqual(operation.pageSize);
        seen.push(...page.page.map((text) => JSON.parse(text)));
        cursor = page.continueCursor;
        if (page.isDone) break;
      }
      if (operation.query.take === undefined) expect(seen).toEqual(expected.map(present));
      return;
    }
    case "count":
      expect(tx.count("items")).toBe(model.docs.size);
      return;
    default:
      operation satisfies never;
  }
}

describe("transactions against a model", () => {
  test("every read of a random program answers as the model does: pending, nested, rolled back and committed", () => {
    fc.assert(
      fc.property(program, (transactions) => {
        using temporary = temporaryStore();
        const { store } = temporary;
        applySchema(store, schema);
        let committed = new Model();
        const known: string[] = [];
        const group = store.beginGroup();
        for (const { before, nested, after, isCommitted } of transactions) {
          const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
          let model = committed.copy();
          for (const step of before) perform(step, tx, model, known);
          if (nested) {
            const child = tx.child();
            const childModel = model.copy();
            for (const step of nested.operations) perform(step, child, childModel, known);
            if (nested.isAdopted) {
              tx.adopt(child);
              model = childModel;
            }
          }
          for (const step of after) perform(step, tx, model, known);
          if (!isCommitted) continue;
          group.commitTransaction(tx);
          committed = model;
        }
        group.commit();
        const tx = store.begin({ kind: "query", nowMs: Date.now() });
        for (const index of Object.keys(INDEXES)) {
          for (const isDescending of [false, true]) {
            const all = collect(tx, rangeOf(`items.${index}`, [], { order: isDescending ? "desc" : "asc" }));
            expect(all).toEqual(committed.sorted(index, isDescending).map(present));
          }
        }
        expect(collect(tx, scanOf("items"))).toHaveLength(committed.docs.size);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("by_id ranges hold what string order says, for bounds of any type", () => {
    using temporary = temporaryStore();
    const { store } = temporary;
    const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
    const ids = Array.from({ length: 20 }, () => tx.insert("items", {})).sort();
    const group = store.beginGroup();
    group.commitTransaction(tx);
    group.commit();
    const middle = ids[10] ?? "";
    const bounds: Value[] = [
      null,
      1,
      true,
      "",
      "0",
      middle,
      `${middle}\0`,
      `${middle}0`,
      middle.slice(0, 10),
      "zzz",
      "é",
      new ArrayBuffer(1),
      [],
      {},
    ];
    const query = store.begin({ kind: "query", nowMs: Date.now() });
    for (const value of bounds) {
      for (const type of ["Eq", "Gt", "Gte", "Lt", "Lte"] as const) {
        const accepts = (order: number) =>
          ({ Eq: order === 0, Gt: order > 0, Gte: order >= 0, Lt: order < 0, Lte: order <= 0 })[type];
        const expected = ids.filter((id) => accepts(compareValues(id, value)));
        const found = collect(query, rangeOf("items.by_id", [[type, "_id", convexToJson(value)]]));
        expect(found.map((doc) => doc._id)).toEqual(expected);
      }
    }
  });
});
