// OMA-5, the one that cannot be done: a total in coins of ten yen that is exact to the yen. Each round tries in earnest and says
// what it found; the tests stay red because the two requirements contradict each other.
import { type Act, allPassed, bash, finish, read, tail, ticket, write } from "../script.ts";

const TESTS = "bun test ./test ./acceptance/oma-5.ts";

const tidy = (how: string, expression: string) => `// The total a guest pays in coins of ten yen.
import { type Yen, yen } from "./money.ts";
import { type Order, orderTotal } from "./order.ts";

/** ${how} */
export function tidyTotal(order: Order): Yen {
  return ${expression};
}
`;

const attempt = (how: string, expression: string, finding: string): Act<"coder"> =>
  function* () {
    yield read("acceptance/oma-5.ts", "Two rules for one number. Looking at both.");
    yield read("src/tidy.ts");
    yield* write("src/tidy.ts", tidy(how, expression), how);
    const tests = yield bash(TESTS);
    yield finish({
      summary: `${how} ${finding}`,
      changes: [{ path: "src/tidy.ts", why: how }],
      testsRun: `${TESTS}\n${tail(tests, 6)}`,
    });
  };

const nearestTen = attempt(
  "Rounds the total to the nearest ten yen.",
  "yen(Math.round(orderTotal(order) / 10) * 10)",
  "It can be paid in tens now, but ¥1,434 becomes ¥1,430: the second acceptance test still fails.",
);
const exactTotal = attempt(
  "Keeps the total exact to the yen.",
  "yen(orderTotal(order))",
  "It is exact now, but ¥1,434 is no multiple of ten: the first acceptance test fails instead. No number satisfies both.",
);
const roundedDishes = attempt(
  "Rounds every dish up to ten yen before adding up.",
  "yen(order.lines.reduce((sum, line) => sum + Math.ceil(orderTotal({ ...order, lines: [line] }) / 10) * 10, 0))",
  "Each line is tidy, but the sum is ¥1,440 where the order costs ¥1,434. The ticket contradicts itself; a person has to decide.",
);

export default ticket("OMA-5", {
  *architect() {
    yield bash("git ls-files", "Looking at how totals come about.");
    yield read("src/order.ts");
    yield read("acceptance/oma-5.ts");
    yield finish({
      summary: "One new function; but its two requirements pull against each other for any total that is not a multiple of ten.",
      plan: [
        "## A tidy total",
        "",
        "The total must be a multiple of ten yen, and equal to what the order costs. Prices on the menu are not all multiples of ten",
        "(matcha ice cream is ¥454), so both hold only for some orders. Try the nearest ten first and let the tests speak.",
      ].join("\n"),
      steps: ["Add src/tidy.ts", `Run ${TESTS}`],
      acceptance: ["Can be paid in coins of ten yen", "Is to the yen what the order costs"],
      files: ["src/tidy.ts"],
    });
  },

  coder: [nearestTen, exactTotal, roundedDishes],

  *reviewer() {
    yield bash("git show --stat HEAD", "Reading the change.");
    const code = yield read("src/tidy.ts");
    yield finish({
      verdict: code.isError ? "request_changes" : "approve",
      summary: code.isError
        ? "`src/tidy.ts` is missing."
        : "The code does what it says and is clear about it. Whether it is what the ticket means is for the tests, and I doubt both can hold.",
      remarks: [],
    });
  },

  *tester() {
    const tests = yield bash(TESTS, "Running the suite and the acceptance of OMA-5.");
    const passed = allPassed(tests);
    yield finish({
      verdict: passed ? "pass" : "fail",
      summary: passed
        ? "OMA-5 is met."
        : "OMA-5 is not met: a total cannot be a multiple of ten yen and exact to the yen when the order costs ¥1,434. The ticket has to change.",
      command: TESTS,
      evidence: [{ check: "suite and acceptance of OMA-5", passed, output: tail(tests) }],
    });
  },
});
