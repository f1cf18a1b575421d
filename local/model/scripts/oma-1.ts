// OMA-1, the simple one: a receipt for an order. Everything goes well the first time.
import { allPassed, bash, finish, read, tail, ticket, write } from "../script.ts";

const TESTS = "bun test ./test ./acceptance/oma-1.ts";

const RECEIPT = `// The receipt a table gets: what was ordered, what it costs.
import { dish } from "./menu.ts";
import { formatYen } from "./money.ts";
import { lineTotal, type Order, orderTotal } from "./order.ts";

/** Writes the receipt: a heading, one line a dish in the order they were asked for, the total. Lines are joined by "\\n". */
export function receipt(order: Order): string {
  const dishes = order.lines.map((line) => \`\${line.portions} x \${dish(line.dishId).name}  \${formatYen(lineTotal(line))}\`);
  return [\`Order \${order.number}, table \${order.table}\`, ...dishes, \`Total  \${formatYen(orderTotal(order))}\`].join("\\n");
}
`;

const RECEIPT_TEST = `import { expect, test } from "bun:test";
import { newOrder } from "../src/order.ts";
import { receipt } from "../src/receipt.ts";

test("a receipt keeps the dishes in the order they were asked for", () => {
  const order = newOrder(1, 9, [{ dishId: "matcha", portions: 1 }, { dishId: "miso", portions: 3 }]);
  expect(receipt(order)).toBe("Order 1, table 9\\n1 x Matcha ice cream  ¥454\\n3 x Miso soup  ¥840\\nTotal  ¥1,294");
});
`;

export default ticket("OMA-1", {
  *architect() {
    yield bash("git ls-files", "I will look at what the order book already has.");
    yield read("src/order.ts");
    yield read("acceptance/oma-1.ts");
    yield finish({
      summary: "A new module writes the receipt from what orders already know; nothing existing changes.",
      plan: [
        "## A receipt for an order",
        "",
        "`src/order.ts` already knows the total, and `src/money.ts` how an amount is written. The receipt only puts them in lines.",
        "",
        "1. Export `lineTotal`'s result a dish and `orderTotal` at the end: no new arithmetic.",
        "2. Add `src/receipt.ts` with `receipt(order)`.",
        "3. Add a test of our own for the order of the lines.",
      ].join("\n"),
      steps: ["Add src/receipt.ts", "Add test/receipt.test.ts", `Run ${TESTS}`],
      acceptance: [
        "The heading names order and table",
        "One line a dish with portions, name and price",
        "The last line is the total",
      ],
      files: ["src/receipt.ts", "test/receipt.test.ts"],
    });
  },

  *coder() {
    yield read("src/order.ts", "Reading how an order adds up.");
    yield* write("src/receipt.ts", RECEIPT, "The receipt only arranges what is there.");
    yield* write("test/receipt.test.ts", RECEIPT_TEST);
    const tests = yield bash(TESTS, "Now the suite and the acceptance of this ticket.");
    yield finish({
      summary: "Orders can be printed as a receipt.",
      changes: [
        { path: "src/receipt.ts", why: "Writes the heading, one line a dish and the total." },
        { path: "test/receipt.test.ts", why: "Holds the order of the lines." },
      ],
      testsRun: `${TESTS}\n${tail(tests, 4)}`,
    });
  },

  *reviewer() {
    yield bash("git show --stat HEAD", "What changed?");
    const code = yield read("src/receipt.ts");
    const isThere = !code.isError;
    yield finish({
      verdict: isThere ? "approve" : "request_changes",
      summary: isThere
        ? "Small and to the point: it reuses `lineTotal` and `orderTotal` instead of adding up again."
        : "`src/receipt.ts` is missing.",
      remarks: isThere
        ? [
            {
              path: "src/receipt.ts",
              line: null,
              severity: "nit",
              message: "Two spaces before a price are fine for now; a column would be nicer one day.",
            },
          ]
        : [],
    });
  },

  *tester() {
    const tests = yield bash(TESTS, "Running the suite and the acceptance of OMA-1.");
    const passed = allPassed(tests);
    yield finish({
      verdict: passed ? "pass" : "fail",
      summary: passed ? "The suite and every acceptance test of OMA-1 pass." : "OMA-1 is not met: see the output.",
      command: TESTS,
      evidence: [{ check: "suite and acceptance of OMA-1", passed, output: tail(tests) }],
    });
  },
});
