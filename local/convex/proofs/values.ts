// Convex values of every type, with the places where order and encodings are easy to get wrong met often.
import type { Value } from "convex/values";
import fc from "fast-check";

const edgeDoubles = fc.constantFrom(
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  2 ** 53,
  2 ** 53 + 2,
);
/** Around every power of two: where the width of an int64's encoding changes. */
const edgeInts = fc
  .tuple(fc.nat({ max: 63 }), fc.constantFrom(-1n, 0n, 1n), fc.boolean())
  .map(([bits, step, isNegative]) => BigInt.asIntN(64, (isNegative ? -1n : 1n) * 2n ** BigInt(bits) + step));
const edgeStrings = fc.constantFrom(
  "",
  "\0",
  "\0\0",
  "\u0001",
  "a",
  "a\0",
  "ab",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "\u{10ffff}",
  "\u{1f600}",
);
const bytes = fc
  .oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.array(fc.constantFrom(0, 1, 254, 255), { maxLength: 4 }).map((list) => Uint8Array.from(list)),
  )
  .map((list) => Uint8Array.from(list).buffer as ArrayBuffer);
/** NaNs with other signs and payloads than the usual one. */
const nans = fc.bigInt({ min: 1n, max: 2n ** 51n - 1n }).chain((payload) =>
  fc.boolean().map((isNegative) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, ((isNegative ? 0xfff0n : 0x7ff0n) << 48n) | payload);
    return view.getFloat64(0);
  }),
);

const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value[]>(null, true, false),
  fc.double(),
  edgeDoubles,
  nans,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  edgeInts,
  fc.string({ unit: "grapheme", maxLength: 5 }),
  edgeStrings,
  bytes,
);
const fieldName = fc.constantFrom("a", "b", "ab", "A", "a ", "zz", "0", "10", "2");

export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 6, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie("value"), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.dictionary(fieldName, tie("value"), { maxKeys: 3, noNullPrototype: true }) },
  ),
})).value;

/** As a document's field: a value, or nothing. */
export const anyField: fc.Arbitrary<Value | undefined> = fc.oneof(
  { weight: 9, arbitrary: anyValue },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
