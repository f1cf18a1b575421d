// OMA-4, the one that goes back once: the first split loses yen to rounding. The acceptance tests do not see it, the reviewer does.
import { type Act, allPassed, bash, finish, read, tail, ticket, write } from "../script.ts";

const TESTS = "bun test ./test ./acceptance/oma-4.ts";

const HEAD = `// Splitting a bill among the guests of a table.
import { type Yen, yen } from "./money.ts";
import { type Order, orderTotal } from "./order.ts";
`;

const ROUNDING = `${HEAD}
/** What each guest pays. @throws {RangeError} unless there is a whole number of guests, one or more */
export function splitBill(order: Order, guests: number): Yen[] {
  if (!Number.isInteger(guests) || guests < 1) throw new RangeError(\`\${guests} is not a whole number of guests, one or more.\`);
  const share = yen(Math.round(orderTotal(order) / guests));
  return Array.from({ length: guests }, () => share);
}
`;

const EXACT = `${HEAD}
/**
 * What each guest pays. The shares add up to the bill to the yen: what cannot be divided is paid by the first guests, one yen each.
 * @throws {RangeError} unless there is a whole number of guests, one or more
 */
export function splitBill(order: Order, guests: number): Yen[] {
  if (!Number.isInteger(guests) || guests < 1) throw new RangeError(\`\${guests} is not a whole number of guests, one or more.\`);
  const total = orderTotal(order);
  const share = Math.floor(total / guests);
  const leftOver = total - share * guests;
  return Array.from({ length: guests }, (_, guest) => yen(guest < leftOver ? share + 1 : share));
}
`;

const EVEN_TEST = `import { expect, test } from "bun:test";
import { newOrder } from "../src/order.ts";
import { splitBill } from "../src/split.ts";

test("two guests share two bowls of ramen", () => {
  expect<number[]>(splitBill(newOrder(1, 1, [{ dishId: "ramen", portions: 2 }]), 2)).toEqual([980, 980]);
});
`;

const EXACT_TEST = `${EVEN_TEST}
test.each([2, 3, 4, 6, 7, 11])("the shares of %p guests add up to the bill, and differ by one yen at most", (guests) => {
  const shares = splitBill(newOrder(1, 1, [{ dishId: "ramen", portions: 1 }, { dishId: "matcha", portions: 1 }]), guests); // ¥1,434
  expect(shares.reduce((sum: number, share) => sum + share, 0)).toBe(1_434);
  expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
});
`;

const firstTry: Act<"coder"> = function* () {
  yield read("src/order.ts", "The total is there already; it only has to be divided.");
  yield* write("src/split.ts", ROUNDING);
  yield* write("test/split.test.ts", EVEN_TEST);
  const tests = yield bash(TESTS);
  yield finish({
    summary: "A bill can be split among guests.",
    changes: [
      { path: "src/split.ts", why: "Divides the total by the number of guests." },
      { path: "test/split.test.ts", why: "Holds the simplest case." },
    ],
    testsRun: `${TESTS}\n${tail(tests, 4)}`,
  });
};

const afterReview: Act<"coder"> = function* () {
  yield read("src/split.ts", "The review is right: three guests of ¥1,000 would pay ¥999. Looking at my own code again.");
  yield* write("src/split.ts", EXACT, "Divide down, then give the yen left over to the first guests.");
  yield read("test/split.test.ts");
  yield* write("test/split.test.ts", EXACT_TEST, "And a test that would have caught it.");
  const tests = yield bash(TESTS);
  yield finish({
    summary: "The shares now always add up to the bill; the yen that cannot be divided go to the first guests.",
    changes: [
      { path: "src/split.ts", why: "Rounding lost or made up yen; the remainder is handed out instead." },
      { path: "test/split.test.ts", why: "Adds the cases that do not divide evenly, which the first version failed." },
    ],
    testsRun: `${TESTS}\n${tail(tests, 4)}`,
  });
};

export default ticket("OMA-4", {
  *architect() {
    yield bash("git ls-files", "Looking for what already adds up.");
    yield read("src/money.ts");
    yield read("acceptance/oma-4.ts");
    yield finish({
      summary: "`splitBill(order, guests)` in a module of its own, in whole yen.",
      plan: [
        "## Splitting a bill",
        "",
        "1. Refuse anything that is not a whole number of guests, one or more.",
        "2. Divide `orderTotal` among them in whole yen.",
        "3. Mind the ticket's rule: the shares add up to the bill. The acceptance tests only divide evenly, so test the rest ourselves.",
      ].join("\n"),
      steps: ["Add src/split.ts", "Add test/split.test.ts", `Run ${TESTS}`],
      acceptance: [
        "Equal shares when it divides",
        "The shares always add up to the bill",
        "No guests, or half a guest, are refused",
      ],
      files: ["src/split.ts", "test/split.test.ts"],
    });
  },

  coder: [firstTry, afterReview],

  *reviewer() {
    yield bash("git show --stat HEAD", "Reading the change against the ticket.");
    const code = yield read("src/split.ts");
    const lines = code.text.split("\n");
    if (code.isError) {
      yield finish({ verdict: "request_changes", summary: "`src/split.ts` is missing.", remarks: [] });
      return;
    }
    const rounding = lines.findIndex((line) => line.includes("Math.round"));
    if (rounding === -1) {
      yield finish({
        verdict: "approve",
        summary: "The remainder is handed out, one yen a guest, and a test holds it for counts that do not divide evenly.",
        remarks: [],
      });
      return;
    }
    yield finish({
      verdict: "request_changes",
      summary: "The shares do not always add up to the bill, which the ticket asks for in so many words.",
      remarks: [
        {
          path: "src/split.ts",
          line: fileLineOf(lines[rounding], rounding),
          severity: "blocker",
          message: "`Math.round` loses yen: ¥1,434 among 4 is 4 x ¥359 = ¥1,436. Divide down and hand out what is left over.",
        },
        {
          path: "test/split.test.ts",
          line: null,
          severity: "major",
          message: "Add a case that does not divide evenly; the acceptance tests have none.",
        },
      ],
    });
  },

  *tester() {
    const tests = yield bash(TESTS, "Running the suite and the acceptance of OMA-4.");
    const passed = allPassed(tests);
    yield finish({
      verdict: passed ? "pass" : "fail",
      summary: passed ? "Bills are split to the yen." : "OMA-4 is not met: see the output.",
      command: TESTS,
      evidence: [{ check: "suite and acceptance of OMA-4", passed, output: tail(tests) }],
    });
  },
});

/** Read numbers its lines; where it does not, the position in the output is the line. */
function fileLineOf(line: string | undefined, index: number): number {
  return Number(/^\s*(\d+)/.exec(line ?? "")?.[1] ?? index + 1);
}
