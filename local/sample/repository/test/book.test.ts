import { describe, expect, test } from "bun:test";
import { OrderBook } from "../src/book.ts";

describe("the order book", () => {
  test("numbers orders from one, in the order they came in", () => {
    const book = new OrderBook();
    expect(book.place(1, [{ dishId: "miso", portions: 1 }]).number).toBe(1);
    expect(book.place(2, [{ dishId: "ramen", portions: 1 }]).number).toBe(2);
  });

  test("a refused order uses up no number", () => {
    const book = new OrderBook();
    expect(() => book.place(1, [])).toThrow();
    expect(book.place(1, [{ dishId: "miso", portions: 1 }]).number).toBe(1);
  });

  test("a served order is no longer open", () => {
    const book = new OrderBook();
    book.place(1, [{ dishId: "miso", portions: 1 }]);
    book.place(2, [{ dishId: "ramen", portions: 1 }]);
    book.serve(1);
    expect(book.open().map((order) => order.number)).toEqual([2]);
    expect(book.find(1).status).toBe("served");
  });

  test("an order nobody placed cannot be found", () => {
    expect(() => new OrderBook().find(1)).toThrow("no order 1");
  });
});
