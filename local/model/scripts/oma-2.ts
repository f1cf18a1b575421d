// OMA-2, the first of a chain: a stock of portions. OMA-3 starts from this branch.
import { allPassed, bash, finish, read, tail, ticket, write } from "../script.ts";

const TESTS = "bun test ./test ./acceptance/oma-2.ts";

const STOCK = `// How many portions of each dish the kitchen can still cook today.
import { dish } from "./menu.ts";

export class Stock {
  readonly #left = new Map<string, number>();

  /**
   * Starts the day with these portions; a dish that is not named has none.
   * @throws {Error} for a dish that is not on the menu, or a count that is not a whole number, zero or more
   */
  constructor(portions: Readonly<Record<string, number>>) {
    for (const [dishId, count] of Object.entries(portions)) {
      dish(dishId);
      if (!Number.isSafeInteger(count) || count < 0) throw new Error(\`\${count} portions cannot be in stock: count whole ones, zero or more.\`);
      this.#left.set(dishId, count);
    }
  }

  /** Portions of a dish still to be had. */
  left(dishId: string): number {
    return this.#left.get(dishId) ?? 0;
  }

  /** Takes portions out of the stock. @throws {Error} when there are not enough; nothing is taken then */
  take(dishId: string, portions: number): void {
    const left = this.left(dishId);
    if (portions > left) throw new Error(\`There is only \${left} portion\${left === 1 ? "" : "s"} of \${dish(dishId).name} left: order fewer.\`);
    this.#left.set(dishId, left - portions);
  }
}
`;

const STOCK_TEST = `import { expect, test } from "bun:test";
import { Stock } from "../src/stock.ts";

test("the last portion can be taken, and then none is left", () => {
  const stock = new Stock({ gyoza: 1 });
  stock.take("gyoza", 1);
  expect(stock.left("gyoza")).toBe(0);
});

test.each([-1, 0.5])("%p portions cannot be in stock", (count) => {
  expect(() => new Stock({ gyoza: count })).toThrow("count whole ones");
});
`;

export default ticket("OMA-2", {
  *architect() {
    yield bash("git ls-files", "Where would a stock fit?");
    yield read("src/menu.ts");
    yield read("acceptance/oma-2.ts");
    yield finish({
      summary: "A `Stock` of its own, which knows the menu and nothing of orders.",
      plan: [
        "## A stock of portions",
        "",
        "The stock counts portions a dish. It must not know orders: OMA-3 will ask it, not the other way round.",
        "",
        "1. `new Stock({ ramen: 3 })` refuses a dish that is not on the menu.",
        "2. `left(dishId)` is 0 for what nobody counted.",
        "3. `take(dishId, portions)` takes all or nothing.",
      ].join("\n"),
      steps: ["Add src/stock.ts", "Add test/stock.test.ts", `Run ${TESTS}`],
      acceptance: ["Knows what is left", "Refuses to take more than is left, and takes nothing then", "Refuses unknown dishes"],
      files: ["src/stock.ts", "test/stock.test.ts"],
    });
  },

  *coder() {
    yield read("src/menu.ts", "The menu decides which dishes exist.");
    yield* write("src/stock.ts", STOCK, "A stock that takes all or nothing.");
    yield* write("test/stock.test.ts", STOCK_TEST);
    const tests = yield bash(TESTS);
    yield finish({
      summary: "The kitchen knows how many portions of each dish are left.",
      changes: [
        { path: "src/stock.ts", why: "Counts portions a dish; takes all or nothing." },
        { path: "test/stock.test.ts", why: "Holds the edge (the last portion) and the counts that are refused." },
      ],
      testsRun: `${TESTS}\n${tail(tests, 4)}`,
    });
  },

  *reviewer() {
    yield bash("git show --stat HEAD", "Reading the change.");
    const code = yield read("src/stock.ts");
    const checksFirst = /portions > left\) throw/.test(code.text);
    yield finish({
      verdict: checksFirst ? "approve" : "request_changes",
      summary: checksFirst
        ? "`take` checks before it changes anything, so a refusal leaves the stock as it was."
        : "`take` has to refuse before it takes.",
      remarks:
        checksFirst || code.isError
          ? []
          : [
              {
                path: "src/stock.ts",
                line: null,
                severity: "blocker",
                message: "Taking more than is left must be refused, with nothing taken.",
              },
            ],
    });
  },

  *tester() {
    const tests = yield bash(TESTS, "Running the suite and the acceptance of OMA-2.");
    const passed = allPassed(tests);
    yield finish({
      verdict: passed ? "pass" : "fail",
      summary: passed ? "The stock does what OMA-2 asks." : "OMA-2 is not met: see the output.",
      command: TESTS,
      evidence: [{ check: "suite and acceptance of OMA-2", passed, output: tail(tests) }],
    });
  },
});
