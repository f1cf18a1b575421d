// OMA-2: know how many portions of each dish are left.
import { describe, expect, test } from "bun:test";
import { Stock } from "../src/stock.ts";

describe("OMA-2: the stock", () => {
  test("knows what is left after portions are taken", () => {
    const stock = new Stock({ ramen: 3 });
    stock.take("ramen", 2);
    expect(stock.left("ramen")).toBe(1);
  });

  test("a dish nobody counted has nothing left", () => {
    expect(new Stock({}).left("unagi")).toBe(0);
  });

  test("taking more than is left is refused, and takes nothing", () => {
    const stock = new Stock({ ramen: 1 });
    expect(() => stock.take("ramen", 2)).toThrow("only 1 portion of Shoyu ramen left");
    expect(stock.left("ramen")).toBe(1);
  });

  test("a dish that is not on the menu cannot be counted", () => {
    expect(() => new Stock({ pizza: 4 })).toThrow('no dish "pizza"');
  });
});
