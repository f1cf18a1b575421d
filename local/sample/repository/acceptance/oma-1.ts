// OMA-1: print a receipt for an order.
import { describe, expect, test } from "bun:test";
import { newOrder } from "../src/order.ts";
import { receipt } from "../src/receipt.ts";

describe("OMA-1: a receipt", () => {
  const order = newOrder(7, 4, [
    { dishId: "ramen", portions: 2 },
    { dishId: "matcha", portions: 1 },
  ]);

  test("names the order and the table first", () => {
    expect(receipt(order).split("\n")[0]).toBe("Order 7, table 4");
  });

  test("has one line a dish, with portions, name and price", () => {
    expect(receipt(order).split("\n").slice(1, 3)).toEqual(["2 x Shoyu ramen  ¥1,960", "1 x Matcha ice cream  ¥454"]);
  });

  test("ends with the total", () => {
    expect(receipt(order).split("\n").at(-1)).toBe("Total  ¥2,414");
  });
});
