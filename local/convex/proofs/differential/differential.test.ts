// The same programs on a server of ours and on convex-test 0.0.60, through the same stock client: every value and every error.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { compare } from "./compare.ts";
import { Differential, regressions, textOf } from "./differential.ts";
import { KNOWN_DIFFERENCES } from "./known-differences.ts";
import type { Outcome, Program } from "./program.ts";

const SEED = 20_261_121;
const PROGRAMS = 400;

let differential: Differential;
beforeAll(async () => {
  differential = await Differential.start();
}, 30_000);
afterAll(() => differential.stop());

describe("local/convex against convex-test", () => {
  test(`${PROGRAMS} generated programs: whatever differs is a known difference`, async () => {
    const summary = await differential.check(SEED, PROGRAMS);
    expect(summary.programs).toBe(PROGRAMS);
    expect(summary.compared).toBeGreaterThan(5000);
    // Steps after a difference in what was stored are not compared: they must stay few.
    expect(summary.skipped / summary.compared).toBeLessThan(0.05);
  }, 120_000);

  test.each(regressions())("a program that once differed: $name", async ({ program }) => {
    const comparison = await differential.run(program);
    expect(textOf(comparison)).toBe("no difference");
  });
});

describe("known differences", () => {
  test.each([...KNOWN_DIFFERENCES])(
    "$name: still there, and still explained by nothing else",
    async ({ name, reason, witness }) => {
      const comparison = await differential.run(witness);
      expect(textOf(comparison)).toBe("no difference");
      expect(comparison.explained.map((known) => known.name)).toContain(name);
      expect(reason).toEndWith(".");
    },
  );
});

describe("the comparison", () => {
  const program: Program = {
    calls: [
      { run: "mutation", steps: [{ do: "insert", table: "items", value: { a: 1 } }] },
      { run: "query", steps: [{ do: "query", query: { table: "items" }, ending: { get: "collect" } }] },
      { run: "page", reader: 0, from: null, until: null, size: 2, maxRows: null, isForeign: false },
    ],
    readers: [{ table: "items" }],
  };
  const row = { _id: "<doc 0>", a: 1 };
  const page = { page: [row], isDone: true, continueCursor: "cursor", splitCursor: null, pageStatus: null };
  const right: Outcome[] = [{ ok: [{ ok: "<doc 0>" }] }, { ok: [{ ok: [row] }] }, { ok: page }];
  const differs = (changed: Outcome[]) => compare(program, changed, right).unexplained?.place ?? null;

  test("finds nothing where nothing differs", () => {
    expect(differs(structuredClone(right))).toBeNull();
  });

  test("finds another value, another type of number, -0, a missing row, an error, another text of an error", () => {
    const wrongRows: Outcome[] = [[{ ...row, a: 2 }], [{ ...row, a: 1n }], [{ ...row, a: -0 }], [{ _id: "<doc 0>" }], []].map(
      (ok) => ({ ok }),
    );
    for (const wrong of [...wrongRows, { error: { message: "no" } }]) {
      expect(differs([right[0]!, { ok: [wrong] }, right[2]!])).toBe("call 1, step 0");
    }
    expect(differs([right[0]!, { error: { message: "no" } }, right[2]!])).toBe("call 1");
    const [failed, otherwise] = [{ error: { message: "a" } }, { error: { message: "b" } }];
    expect(compare(program, [failed, ...right.slice(1)], [otherwise, ...right.slice(1)]).unexplained?.place).toBe("call 0");
  });

  test("finds a page with other rows or another end", () => {
    for (const wrong of [{ page: [] }, { page: [row, row] }, { isDone: false }]) {
      expect(differs([right[0]!, right[1]!, { ok: { ...page, ...wrong } }])).toBe("call 2");
    }
  });
});
