import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeId, idRange, makeId } from "./ids.ts";

const tableNumber = fc.oneof(
  fc.constantFrom(1, 127, 128, 10_001, 16_383, 16_384, 2 ** 28, 2 ** 32 - 1),
  fc.integer({ min: 1, max: 20_000 }),
);
const NOW_MS = Date.UTC(2026, 0, 2);

describe("document ids", () => {
  test("an id decodes to its table", () => {
    fc.assert(fc.property(tableNumber, (table) => expect(decodeId(makeId(table, NOW_MS))).toEqual({ tableNumber: table })));
  });

  test("user tables' ids have 32 characters and no letter that looks like another", () => {
    const id = makeId(10_001, NOW_MS);
    expect(id).toHaveLength(32);
    expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{32}$/);
  });

  test("I1: changing any one character makes it no id", () => {
    const id = makeId(10_001, NOW_MS);
    for (let at = 0; at < id.length; at++) {
      const other = id.slice(0, at) + (id[at] === "0" ? "1" : "0") + id.slice(at + 1);
      expect(decodeId(other)).toHaveProperty("problem");
    }
    expect(decodeId(id.toUpperCase())).toHaveProperty("problem");
    expect(decodeId(`${id}0`)).toHaveProperty("problem");
  });

  test("I1: no random text that decodes prints differently", () => {
    const text = fc.string({ unit: fc.constantFrom(..."0123456789abcdefghjkmnpqrstvwxyz"), minLength: 31, maxLength: 37 });
    fc.assert(
      fc.property(text, (id) => expect(decodeId(id)).toHaveProperty("problem")),
      { numRuns: 200, seed: 7 },
    ); // fixed seed: 1 in 65,536 passes the checksum
  });

  test("I2: a table's range holds its ids and no other table's", () => {
    fc.assert(
      fc.property(tableNumber, tableNumber, (table, other) => {
        const { low, high } = idRange(table);
        const id = makeId(other, NOW_MS);
        expect(low <= id && id <= high).toBe(table === other);
      }),
    );
  });

  test("10,000 ids are 10,000 ids", () => {
    expect(new Set(Array.from({ length: 10_000 }, () => makeId(10_001, NOW_MS))).size).toBe(10_000);
  });
});
