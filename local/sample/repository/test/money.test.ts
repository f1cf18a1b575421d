import { describe, expect, test } from "bun:test";
import { formatYen, yen } from "../src/money.ts";

describe("money", () => {
  test("is written with a yen sign and a comma every three digits", () => {
    expect([0, 7, 280, 3_400, 12_000, 1_234_567].map((amount) => formatYen(yen(amount)))).toEqual([
      "¥0",
      "¥7",
      "¥280",
      "¥3,400",
      "¥12,000",
      "¥1,234,567",
    ]);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("%p is not an amount", (amount) => {
    expect(() => yen(amount)).toThrow("whole yen");
  });
});
