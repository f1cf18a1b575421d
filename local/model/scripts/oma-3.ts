// OMA-3, the second of the chain: the order book asks the stock of OMA-2. Without that branch underneath, its tests cannot pass.
import { allPassed, bash, edit, finish, read, tail, ticket, write } from "../script.ts";

const TESTS = "bun test ./test ./acceptance/oma-3.ts";

const IMPORTS = `import { newOrder, type Order, type OrderLine } from "./order.ts";

export class OrderBook {
  #orders: Order[] = [];
`;
const IMPORTS_WITH_STOCK = `import { newOrder, type Order, type OrderLine } from "./order.ts";
import type { Stock } from "./stock.ts";

export class OrderBook {
  #orders: Order[] = [];
  readonly #stock: Stock | undefined;

  /** With a stock, what cannot be cooked is refused. Without one, everything can be ordered. */
  constructor(stock?: Stock) {
    this.#stock = stock;
  }
`;

const PLACE = `    const order = newOrder(this.#orders.length + 1, table, lines);
`;
const PLACE_FROM_STOCK = `    const order = newOrder(this.#orders.length + 1, table, lines);
    if (this.#stock) takeAll(this.#stock, lines);
`;

const TAKE_ALL = `
/** Takes every portion of an order, or none: what is short is found before anything is taken. */
function takeAll(stock: Stock, lines: readonly OrderLine[]): void {
  const wanted = new Map<string, number>();
  for (const line of lines) wanted.set(line.dishId, (wanted.get(line.dishId) ?? 0) + line.portions);
  const short = [...wanted].find(([dishId, portions]) => portions > stock.left(dishId));
  if (short) stock.take(...short); // refuses, in the stock's own words
  for (const [dishId, portions] of wanted) stock.take(dishId, portions);
}
`;

const TEST = `import { expect, test } from "bun:test";
import { OrderBook } from "../src/book.ts";
import { Stock } from "../src/stock.ts";

test("once a dish has run out, the next table is told so", () => {
  const book = new OrderBook(new Stock({ unagi: 1 }));
  book.place(1, [{ dishId: "unagi", portions: 1 }]);
  expect(() => book.place(2, [{ dishId: "unagi", portions: 1 }])).toThrow("only 0 portions of Unagi bowl left");
  expect(book.open()).toHaveLength(1);
});
`;

export default ticket("OMA-3", {
  *architect() {
    yield bash("git log --oneline -5", "This builds on OMA-2: is its work here?");
    yield read("src/stock.ts");
    yield read("src/book.ts");
    yield finish({
      summary: "The order book may be given a stock and then takes an order's portions from it, all or none.",
      plan: [
        "## Orders the kitchen can cook",
        "",
        "`Stock` comes from OMA-2. `OrderBook` gets an optional one, so that nobody who uses it today has to change.",
        "",
        "1. Add the portions of equal dishes together first: two lines of ramen are one wish.",
        "2. Look for what is short before taking anything.",
        "3. A refused order uses up no number, as before.",
      ].join("\n"),
      steps: [
        "Give OrderBook an optional Stock",
        "Take all portions or none in place()",
        "Add test/book-stock.test.ts",
        `Run ${TESTS}`,
      ],
      acceptance: [
        "Portions leave the stock",
        "A refusal takes nothing and uses up no number",
        "Equal dishes are added up",
        "No stock: as before",
      ],
      files: ["src/book.ts", "test/book-stock.test.ts"],
    });
  },

  *coder() {
    const book = yield read("src/book.ts", "Reading the order book before changing it.");
    if (!book.text.includes("takeAll")) {
      yield edit("src/book.ts", IMPORTS, IMPORTS_WITH_STOCK, "It may be given a stock.");
      yield edit("src/book.ts", PLACE, PLACE_FROM_STOCK);
      const end = '    return this.#orders.filter((order) => order.status === "open");\n  }\n}\n';
      yield edit("src/book.ts", end, `${end}${TAKE_ALL}`, "All portions, or none.");
    }
    yield* write("test/book-stock.test.ts", TEST);
    const tests = yield bash(TESTS);
    yield finish({
      summary: "An order that asks for more than the kitchen has is refused.",
      changes: [
        { path: "src/book.ts", why: "Takes an order's portions from the stock, all or none." },
        { path: "test/book-stock.test.ts", why: "Holds what the second table hears once a dish has run out." },
      ],
      testsRun: `${TESTS}\n${tail(tests, 4)}`,
    });
  },

  *reviewer() {
    yield bash("git show --stat HEAD", "Reading the change on top of OMA-2.");
    const code = yield read("src/book.ts");
    const looksFirst = code.text.includes("takeAll");
    yield finish({
      verdict: looksFirst ? "approve" : "request_changes",
      summary: looksFirst
        ? "What is short is found before anything is taken, and equal dishes are added up first. Callers without a stock see no change."
        : "The order book does not ask the stock yet.",
      remarks: [],
    });
  },

  *tester() {
    const tests = yield bash(TESTS, "Running the suite and the acceptance of OMA-3.");
    const passed = allPassed(tests);
    yield finish({
      verdict: passed ? "pass" : "fail",
      summary: passed ? "Orders and stock agree." : "OMA-3 is not met: see the output.",
      command: TESTS,
      evidence: [{ check: "suite and acceptance of OMA-3", passed, output: tail(tests) }],
    });
  },
});
