// OMA-5: totals in coins of ten yen.
import { describe, expect, test } from "bun:test";
import { newOrder, orderTotal } from "../src/order.ts";
import { tidyTotal } from "../src/tidy.ts";

const order = newOrder(1, 2, [
  { dishId: "ramen", portions: 1 },
  { dishId: "matcha", portions: 1 },
]); // ¥1,434

describe("OMA-5: a tidy total", () => {
  test("can be paid in coins of ten yen", () => {
    expect(tidyTotal(order) % 10).toBe(0);
  });

  test("is to the yen what the order costs", () => {
    expect(tidyTotal(order)).toBe(orderTotal(order));
  });
});
