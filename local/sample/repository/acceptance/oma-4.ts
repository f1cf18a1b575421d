// OMA-4: split a bill among guests.
import { describe, expect, test } from "bun:test";
import { newOrder } from "../src/order.ts";
import { splitBill } from "../src/split.ts";

const order = newOrder(1, 2, [{ dishId: "unagi", portions: 3 }]); // ¥10,200

describe("OMA-4: splitting a bill", () => {
  test("gives every guest the same share when it can be divided", () => {
    expect<number[]>(splitBill(order, 4)).toEqual([2_550, 2_550, 2_550, 2_550]);
  });

  test("one guest pays everything", () => {
    expect<number[]>(splitBill(order, 1)).toEqual([10_200]);
  });

  test.each([0, -2, 1.5])("%p guests are refused", (guests) => {
    expect(() => splitBill(order, guests)).toThrow("whole number of guests");
  });
});
