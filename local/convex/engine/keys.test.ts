import { describe, expect, test } from "bun:test";
import { compareValues as convexCompare, convexToJson, type Value } from "convex/values";
import fc from "fast-check";
import { compareKeys, encodeKey, endOfPrefix, successor } from "./keys.ts";
import { compareValues } from "./order.ts";
import type { JsonValue } from "./values.ts";

const INT64_EDGES = [
  0n,
  1n,
  -1n,
  255n,
  256n,
  -255n,
  -256n,
  -257n,
  65535n,
  65536n,
  -65536n,
  -65537n,
  2n ** 32n,
  -(2n ** 32n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const DOUBLE_EDGES = [
  0,
  -0,
  1,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  Number.MAX_VALUE,
];
const STRING_EDGES = [
  "",
  "\0",
  "\0\0",
  "\0a",
  "a",
  "a\0",
  "a\0b",
  "ab",
  "é",
  "é\0",
  "é\0é",
  "\uffff",
  "\u{10000}",
  "\u{1f600}",
  "z",
];

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.constantFrom(...INT64_EDGES),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(...DOUBLE_EDGES),
  fc.double(),
  fc.constantFrom(...STRING_EDGES),
  fc.string({ unit: "binary" }),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => new Uint8Array(bytes).buffer as ArrayBuffer),
);
const fieldName = fc.constantFrom("", "a", "aa", "b", "B", "_x", "0");
const value: fc.Arbitrary<Value> = fc.letrec<{ any: Value }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fieldName, tie("any"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;
const orMissing: fc.Arbitrary<Value | undefined> = fc.oneof(
  { weight: 9, arbitrary: value },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

function toJson(v: Value | undefined): JsonValue | undefined {
  return v === undefined ? undefined : convexToJson(v);
}

describe("index keys", () => {
  test("K1: keys order any two values as Convex's own compareValues does", () => {
    fc.assert(
      fc.property(orMissing, orMissing, (a, b) => {
        expect(Math.sign(compareKeys(encodeKey([toJson(a)]), encodeKey([toJson(b)])))).toBe(Math.sign(convexCompare(a, b)));
      }),
      { numRuns: 3000 },
    );
  });

  test("K1: every pair of edge values is ordered as Convex orders it", () => {
    const edges: (Value | undefined)[] = [
      undefined,
      null,
      true,
      false,
      ...INT64_EDGES,
      ...DOUBLE_EDGES,
      ...STRING_EDGES,
      [],
      {},
      [[]],
      [{}],
      { a: 1 },
    ];
    for (const a of edges) {
      for (const b of edges) {
        expect(Math.sign(compareKeys(encodeKey([toJson(a)]), encodeKey([toJson(b)])))).toBe(Math.sign(convexCompare(a, b)));
      }
    }
  });

  test("K1: compound keys compare field by field", () => {
    const tuple = fc.tuple(orMissing, orMissing, orMissing);
    fc.assert(
      fc.property(tuple, tuple, (a, b) => {
        const expected = a.map((x, i) => convexCompare(x, b[i])).find((order) => order !== 0) ?? 0;
        expect(Math.sign(compareKeys(encodeKey(a.map(toJson)), encodeKey(b.map(toJson))))).toBe(Math.sign(expected));
      }),
      { numRuns: 1000 },
    );
  });

  test("K1, K2: strings and bytes with zeros keep their order and their prefix ranges inside compound keys", () => {
    const bytes = [[], [0], [0, 0], [0, 1], [1], [1, 0], [255]].map((list) => new Uint8Array(list).buffer as ArrayBuffer);
    for (const [a, b] of [STRING_EDGES, bytes].flatMap((edges) => edges.flatMap((a) => edges.map((b) => [a, b] as const)))) {
      for (const [next, other] of [
        [1, true],
        [true, 1],
      ] as const) {
        const order = convexCompare(a, b) || convexCompare(next, other);
        expect(Math.sign(compareKeys(encodeKey([toJson(a), next]), encodeKey([toJson(b), other])))).toBe(Math.sign(order));
      }
      const [from, key] = [encodeKey([toJson(a)]), encodeKey([toJson(b)])];
      expect(compareKeys(from, key) <= 0 && compareKeys(key, endOfPrefix(from)) < 0).toBe(convexCompare(a, b) === 0);
    }
  });

  test("K2, K3: a prefix's range holds exactly the keys that start with it, and nothing lies between a key and its successor", () => {
    fc.assert(
      fc.property(orMissing, orMissing, orMissing, (a, b, c) => {
        const prefix = encodeKey([toJson(a)]);
        const longer = encodeKey([toJson(a), toJson(b)]);
        const other = encodeKey([toJson(c), toJson(b)]);
        const isInside = compareKeys(prefix, other) <= 0 && compareKeys(other, endOfPrefix(prefix)) < 0;
        expect(isInside).toBe(convexCompare(a, c) === 0);
        expect(compareKeys(longer, successor(longer))).toBeLessThan(0);
        if (compareKeys(other, longer) > 0) expect(compareKeys(other, successor(longer))).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });

  test("int64 keys grow with the number's width", () => {
    expect(encodeKey([convexToJson(0n)])).toHaveLength(1);
    expect(encodeKey([convexToJson(-256n)])).toHaveLength(2);
    expect(encodeKey([convexToJson(65535n)])).toHaveLength(3);
    expect(encodeKey([convexToJson(2n ** 63n - 1n)])).toHaveLength(9);
  });

  test("the order without keys is the order of keys", () => {
    fc.assert(
      fc.property(orMissing, orMissing, (a, b) => {
        expect(Math.sign(compareValues(toJson(a), toJson(b)))).toBe(Math.sign(convexCompare(a, b)));
      }),
      { numRuns: 2000 },
    );
  });

  test("a malformed `$` value is refused, not ordered", () => {
    expect(() => encodeKey([{ $integer: "AA==" }])).toThrow("expected 8 for $integer");
    expect(() => encodeKey([{ $bytes: "not base64!" }])).toThrow("Malformed $bytes");
  });
});
