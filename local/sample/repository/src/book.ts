// The orders of one day, in the order they came in.
import { newOrder, type Order, type OrderLine } from "./order.ts";

export class OrderBook {
  #orders: Order[] = [];

  /** Takes an order and gives it the next number, from 1. @throws {Error} when `newOrder` refuses it; no number is used up then */
  place(table: number, lines: readonly OrderLine[]): Order {
    const order = newOrder(this.#orders.length + 1, table, lines);
    this.#orders.push(order);
    return order;
  }

  /** Finds an order. @throws {Error} when the number was never given */
  find(number: number): Order {
    const found = this.#orders[number - 1];
    if (!found) throw new Error(`There is no order ${number}.`);
    return found;
  }

  /** Marks an order as served. Safe to repeat. */
  serve(number: number): Order {
    const served: Order = { ...this.find(number), status: "served" };
    this.#orders[number - 1] = served;
    return served;
  }

  /** The orders still to cook, oldest first. */
  open(): readonly Order[] {
    return this.#orders.filter((order) => order.status === "open");
  }
}
