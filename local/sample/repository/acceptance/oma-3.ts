// OMA-3: an order the kitchen cannot cook is refused. Builds on the stock of OMA-2.
import { describe, expect, test } from "bun:test";
import { OrderBook } from "../src/book.ts";
import { Stock } from "../src/stock.ts";

describe("OMA-3: an order book with a stock", () => {
  test("takes the portions of an order from the stock", () => {
    const stock = new Stock({ ramen: 3, miso: 5 });
    new OrderBook(stock).place(1, [
      { dishId: "ramen", portions: 2 },
      { dishId: "miso", portions: 1 },
    ]);
    expect([stock.left("ramen"), stock.left("miso")]).toEqual([1, 4]);
  });

  test("refuses an order that asks for more than is left: no number is used up, nothing is taken", () => {
    const stock = new Stock({ ramen: 1, miso: 5 });
    const book = new OrderBook(stock);
    expect(() =>
      book.place(1, [
        { dishId: "miso", portions: 1 },
        { dishId: "ramen", portions: 2 },
      ]),
    ).toThrow("only 1 portion of Shoyu ramen left");
    expect(stock.left("miso")).toBe(5);
    expect(book.place(1, [{ dishId: "ramen", portions: 1 }]).number).toBe(1);
  });

  test("adds up the lines of one order that ask for the same dish", () => {
    const book = new OrderBook(new Stock({ ramen: 3 }));
    expect(() =>
      book.place(1, [
        { dishId: "ramen", portions: 2 },
        { dishId: "ramen", portions: 2 },
      ]),
    ).toThrow("only 3 portions of Shoyu ramen left");
  });

  test("without a stock, everything can be ordered as before", () => {
    expect(new OrderBook().place(1, [{ dishId: "unagi", portions: 99 }]).number).toBe(1);
  });
});
