import { describe, expect, test } from "bun:test";
import { convexToJson, type GenericValidator, type Value, v } from "convex/values";
import fc from "fast-check";
import { Validator } from "./validators.ts";
import type { JsonObject, JsonValue } from "./values.ts";

const TABLES: Record<string, string> = { u1: "users", p1: "posts" };
const tableOf = (id: string) => TABLES[id] ?? null;

/** `json` is internal to the package's types; functions export it. */
function parse(validator: GenericValidator) {
  return Validator.parse((validator as unknown as { json: JsonValue }).json);
}
const check = (validator: GenericValidator, value: Value) => parse(validator).check(convexToJson(value), tableOf);

describe("validators", () => {
  test("each kind accepts its own values and no other's", () => {
    const samples: [GenericValidator, Value][] = [
      [v.null(), null],
      [v.number(), 1.5],
      [v.int64(), 3n],
      [v.boolean(), true],
      [v.string(), "text"],
      [v.bytes(), new ArrayBuffer(2)],
      [v.array(v.number()), [1]],
      [v.object({ a: v.number() }), { a: 1 }],
    ];
    for (const [validator] of samples) {
      for (const [owner, value] of samples) {
        if (validator === owner) expect(check(validator, value)).toBeNull();
        else expect(check(validator, value)).toStartWith("Value does not match validator.");
      }
    }
    expect(check(v.number(), Number.NaN)).toBeNull();
    expect(check(v.any(), { a: [1n] })).toBeNull();
  });

  test("a wrong field is named by its path", () => {
    expect(check(v.object({ ownerId: v.id("users") }), { ownerId: "user_demo_001" })).toBe(
      'Value does not match validator.\nPath: .ownerId\nValue: "user_demo_001"\nValidator: v.id("users")',
    );
    expect(check(v.object({ a: v.array(v.object({ b: v.string() })) }), { a: [{ b: "" }, { b: 1 }] })).toBe(
      "Value does not match validator.\nPath: .a[1].b\nValue: 1.0\nValidator: v.string()",
    );
  });

  test("a missing field is named, with the hint to make it optional", () => {
    expect(check(v.object({ name: v.string(), age: v.optional(v.number()) }), { age: 3 })).toBe(
      "Object is missing the required field `name`. Consider wrapping the field validator in `v.optional(...)` if this is expected.\n\n" +
        "Object: {age: 3.0}\nValidator: v.object({age: v.optional(v.float64()), name: v.string()})",
    );
  });

  test("an extra field is named", () => {
    expect(check(v.object({}), { nick: "b" })).toBe(
      'Object contains extra field `nick` that is not in the validator.\n\nObject: {nick: "b"}\nValidator: v.object({})',
    );
  });

  test("v.id wants an id of its own table", () => {
    expect(check(v.id("users"), "u1")).toBeNull();
    expect(check(v.object({ author: v.id("users") }), { author: "p1" })).toBe(
      'Found ID "p1" from table `posts`, which does not match the table name in validator `v.id("users")`.Path: .author',
    );
    expect(check(v.id("users"), "nonsense")).toStartWith("Value does not match validator.");
  });

  test("V2: a union that fails shows the union", () => {
    const union = v.union(v.literal("a"), v.literal(3n), v.object({ kind: v.literal("b") }));
    expect(check(union, "a")).toBeNull();
    expect(check(union, 3n)).toBeNull();
    expect(check(union, { kind: "b" })).toBeNull();
    expect(check(union, { kind: "c" })).toBe(
      'Value does not match validator.\n\nValue: {kind: "c"}\nValidator: v.union(v.literal("a"), v.literal(3n), v.object({kind: v.literal("b")}))',
    );
  });

  test("records check keys and values", () => {
    expect(check(v.record(v.string(), v.number()), { a: 1 })).toBeNull();
    expect(check(v.record(v.string(), v.number()), { a: "1" })).toContain("Path: .a\n");
    expect(check(v.record(v.id("users"), v.number()), { u1: 1 })).toBeNull();
    expect(check(v.record(v.id("users"), v.number()), { p1: 1 })).toContain('Validator: v.id("users")');
  });

  test("fields that only Object.prototype has are missing, and extra when given", () => {
    expect(check(v.object({ constructor: v.any() }), {})).toContain("missing the required field `constructor`");
    expect(parse(v.object({})).check(JSON.parse('{"__proto__": 1}'), tableOf)).toContain("extra field `__proto__`");
  });

  test("a document's own system fields are not the validator's business, other underscored fields are", () => {
    const validator = parse(v.object({ a: v.number() }));
    const document: JsonObject = { _creationTime: 1, _id: "u1", a: 1 };
    expect(validator.checkDocument(document, tableOf)).toBeNull();
    expect(validator.check(document, tableOf)).toContain("extra field `_creationTime`");
    expect(parse(v.object({})).checkDocument(document, tableOf)).toContain("Object: {a: 1.0}");
  });

  test("V4: a patched document fits when it would fit looked at whole", () => {
    const validators = [
      v.object({ a: v.number(), b: v.optional(v.string()), c: v.optional(v.id("users")) }),
      v.object({ a: v.union(v.number(), v.string()), constructor: v.optional(v.number()) }),
      v.union(v.object({ a: v.literal(1), b: v.string() }), v.object({ a: v.number(), c: v.optional(v.any()) })),
      v.any(),
    ];
    const wrong = fc.constantFrom(undefined, 2, "p1", null, { $integer: "AQAAAAAAAAA=" });
    const mostly = (...right: (JsonValue | undefined)[]) =>
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: wrong });
    const fields = fc.record({
      a: mostly(1, "text"),
      b: mostly("text", undefined),
      c: mostly("u1", undefined),
      constructor: mostly(undefined),
      extra: mostly(undefined),
    });
    const document = (some: object): JsonObject => ({ ...JSON.parse(JSON.stringify(some)), _creationTime: 1, _id: "u1" });
    const seen = { fit: 0, unfit: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...validators), fields, fields, (validator, one, other) => {
        const parsed = parse(validator);
        const before = document(one);
        if (parsed.checkDocument(before, tableOf) !== null) return;
        const changed = JSON.parse(JSON.stringify(other)) as JsonObject;
        const after: JsonObject = { ...before, ...changed };
        for (const field in changed) if (field === "b") delete after[field];
        const problem = parsed.checkDocument(after, tableOf);
        seen[problem === null ? "fit" : "unfit"]++;
        expect(parsed.checkPatched(after, changed, tableOf)).toBe(problem);
      }),
      { numRuns: 20_000 },
    );
    expect(Math.min(seen.fit, seen.unfit)).toBeGreaterThan(100);
  });

  test("V1: malformed values get an answer, never a throw", () => {
    const hostile: JsonValue[] = [{ $integer: "x" }, { $float: 3 }, { $bytes: null }, { $nope: 1 }, { $integer: "AA==", b: 1 }];
    for (const value of hostile) expect(parse(v.object({ a: v.literal(3n) })).check({ a: value }, tableOf)).toBeString();
  });

  test("long values are cut in the text", () => {
    expect(check(v.number(), "x".repeat(100_000))?.length).toBeLessThan(17_000);
  });

  test("what is no validator is refused when it is parsed", () => {
    const wrong: JsonValue[] = [null, {}, { type: "nope" }, { type: "array" }, { type: "object" }, { type: "id" }];
    for (const json of wrong) {
      expect(() => Validator.parse(json)).toThrow("Not a validator");
    }
  });
});
