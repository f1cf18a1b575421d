import { describe, expect, test } from "bun:test";
import { newOrder, orderTotal } from "../src/order.ts";

describe("an order", () => {
  test("costs the sum of its lines", () => {
    const order = newOrder(1, 4, [
      { dishId: "ramen", portions: 2 },
      { dishId: "gyoza", portions: 1 },
    ]);
    expect<number>(orderTotal(order)).toBe(2_480);
  });

  test("needs at least one dish", () => {
    expect(() => newOrder(1, 4, [])).toThrow("at least one dish");
  });

  test("refuses a dish the kitchen does not cook, and says which it does", () => {
    expect(() => newOrder(1, 4, [{ dishId: "pizza", portions: 1 }])).toThrow("pick one of miso");
  });

  test.each([0, -1, 1.5])("refuses %p portions", (portions) => {
    expect(() => newOrder(1, 4, [{ dishId: "miso", portions }])).toThrow("order one or more");
  });
});
