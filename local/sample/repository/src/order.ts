// One order of one table. An order never changes in place: `serve` gives back another one.
import { dish } from "./menu.ts";
import { type Yen, yen } from "./money.ts";

export interface OrderLine {
  readonly dishId: string;
  readonly portions: number;
}

export interface Order {
  readonly number: number;
  readonly table: number;
  readonly lines: readonly OrderLine[];
  readonly status: "open" | "served";
}

/** Writes an order down. @throws {Error} when it is empty, asks for an unknown dish, or for less than one portion */
export function newOrder(number: number, table: number, lines: readonly OrderLine[]): Order {
  if (lines.length === 0) throw new Error("An order needs at least one dish.");
  for (const line of lines) {
    dish(line.dishId);
    if (!Number.isInteger(line.portions) || line.portions < 1)
      throw new Error(`${line.portions} portions cannot be cooked: order one or more.`);
  }
  return { number, table, lines, status: "open" };
}

/** What one line costs. */
export function lineTotal(line: OrderLine): Yen {
  return yen(dish(line.dishId).price * line.portions);
}

/** What the whole order costs. */
export function orderTotal(order: Order): Yen {
  return yen(order.lines.reduce((sum, line) => sum + lineTotal(line), 0));
}
