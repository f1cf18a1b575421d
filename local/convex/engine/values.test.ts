import { describe, expect, test } from "bun:test";
import { convexToJson, getConvexSize, type Value } from "convex/values";
import fc from "fast-check";
import { type JsonObject, measureDocument, measurePatched, measureValue, resolveCommitTs, sortFields } from "./values.ts";

const EVERY_KIND = {
  a: null,
  b: 1,
  c: -0,
  d: 5n,
  e: "héllo 😀",
  f: new Uint8Array([1, 2, 3]).buffer,
  g: [1, [true]],
  h: { i: {} },
} satisfies Value;

describe("values", () => {
  test("sizes are Convex's sizes", () => {
    expect(measureDocument(convexToJson(EVERY_KIND) as JsonObject).sizeBytes).toBe(getConvexSize(EVERY_KIND));
    for (const part of Object.values(EVERY_KIND)) expect(measureValue(convexToJson(part)).sizeBytes).toBe(getConvexSize(part));
  });

  test("a document over 1 MiB is refused with its size", () => {
    expect(() => measureDocument({ text: "x".repeat(1 << 20) })).toThrow("Value is too large (1.00 MiB > maximum size 1 MiB)");
  });

  test("16 levels are allowed and 17 are not", () => {
    const nested = (levels: number): JsonObject => (levels === 1 ? {} : { a: nested(levels - 1) });
    expect(measureDocument(nested(16)).sizeBytes).toBeGreaterThan(0);
    expect(() => measureDocument(nested(17))).toThrow("nested too deeply");
  });

  test("field counts, array lengths and field names have limits", () => {
    const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1]));
    expect(measureDocument(fields(1024)).sizeBytes).toBeGreaterThan(0);
    expect(() => measureDocument(fields(1025))).toThrow("Object has too many fields (1025 > maximum number 1024)");
    expect(() => measureDocument({ a: new Array(8193).fill(1) })).toThrow(
      "Array length is too long (8193 > maximum length 8192)",
    );
    expect(() => measureDocument({ a: { ключ: 1 } })).toThrow("Field names can only contain non-control ASCII characters");
    expect(() => measureDocument({ a: { $b: 1, c: 2 } })).toThrow("starts with a '$', which is reserved");
    expect(() => measureDocument({ ["x".repeat(1025)]: 1 })).toThrow("exceeds maximum field name length 1024");
  });

  test("`$` objects that lie are refused", () => {
    const one = Buffer.alloc(8);
    one.writeDoubleLE(1);
    expect(() => measureDocument({ a: { $float: one.toString("base64") } })).toThrow("Float 1 should be encoded as a number");
    expect(() => measureDocument({ a: { $integer: "AAAA" } })).toThrow("Received 3 bytes, expected 8 for $integer");
    expect(() => measureDocument({ a: { $integer: "AAAAAAAAAAA=", b: 1 } })).toThrow("reserved");
    expect(() => measureDocument({ a: { $undefined: null } })).toThrow("undefined is not a valid Convex value");
  });

  test("a commit timestamp is found and replaced wherever it stands", () => {
    const document = { a: [{ $commitTs: null }], b: 1 };
    expect(measureDocument(document).hasCommitTs).toBe(true);
    expect(resolveCommitTs(document, 258n)).toEqual({ a: [convexToJson(258n)], b: 1 });
  });

  test("a field called __proto__ survives sorting", () => {
    const sorted = sortFields(JSON.parse('{"b":1,"__proto__":{"x":1}}'));
    expect(JSON.stringify(sorted)).toBe('{"__proto__":{"x":1},"b":1}');
  });
});

describe("the size of a patched document", () => {
  const size = (document: JsonObject): number | string => {
    try {
      return measureDocument(document).sizeBytes;
    } catch (error) {
      return String(error);
    }
  };
  const sizePatched = (before: JsonObject, after: JsonObject): number | string | undefined => {
    const changed = { ...before, ...after };
    for (const field in changed) if (before[field] === after[field]) delete changed[field];
    try {
      return measurePatched({ before, sizeBefore: measureDocument(before).sizeBytes, changed, after })?.sizeBytes;
    } catch (error) {
      return String(error);
    }
  };

  test("is what measuring it whole says, for any fields set or removed", () => {
    const value = fc.oneof(
      fc.constant(undefined),
      fc.integer(),
      fc.string({ unit: "grapheme" }),
      fc.array(fc.string()),
      fc.dictionary(fc.constantFrom("x", "y"), fc.boolean()),
    );
    const fields = fc.record({ a: value, b: value, c: value });
    const plain = (each: object) => JSON.parse(JSON.stringify(each)) as JsonObject;
    let compared = 0;
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const [before, after] = [plain(one), plain(other)];
        const patched = sizePatched(before, after);
        const isWider = Object.keys(after).some((field) => !Object.hasOwn(before, field));
        if (isWider) return expect(patched).toBeUndefined();
        compared++;
        expect(patched).toBe(size(after));
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  test("is refused with the same words", () => {
    const [deep] = Array.from({ length: 16 }).reduce<JsonObject[]>(([inner]) => [{ a: inner ?? 1 }], []);
    const texts: JsonObject[] = [
      { a: "x".repeat(1 << 20) },
      { a: deep ?? null },
      { a: { ключ: 1 } },
      { a: { $float: 1 } },
      { a: new Array(8193).fill(1) },
    ];
    for (const after of texts) {
      expect(size(after)).toBeString();
      expect(sizePatched({ a: 1 }, after)).toBe(size(after));
    }
  });

  test("is left to a whole measure while a commit timestamp waits in it", () => {
    expect(sizePatched({ a: 1 }, { a: { $commitTs: null } })).toBeUndefined();
  });
});
