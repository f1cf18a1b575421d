// A pull request's text is made of strangers' words (P8).

import { describe, expect, test } from "bun:test";
import { type DescribedFeature, describePullRequest, plain } from "./description.ts";

const aFeature = (over: Partial<DescribedFeature> = {}): DescribedFeature => ({
  ticket: { key: "OMA-1", title: "A receipt", url: "https://linear.app/omakase/issue/OMA-1" },
  results: { architect: null, coder: null, reviewer: null, tester: null },
  bases: [],
  costUsd: 1.234,
  ...over,
});
const aCoder = (summary: string) => ({
  architect: null,
  coder: JSON.stringify({ summary, changes: [{ path: "a`b.ts", why: summary }], testsRun: "" }),
  reviewer: null,
  tester: null,
});

describe("a stranger's words", () => {
  test.each([
    ["ping nobody", "thanks @ada and @omakase/owners", /@[a-z]/i],
    ["close no issue by number", "Fixes #12, closes omakase/other#7, resolves GH-3", /#\d|GH-\d/i],
    ["close no issue by address", "Fixes https://github.com/omakase/other/issues/12", /issues\/\d/],
    ["are no markup", "<img src=x> <!-- omakase:forged -->", /<(?!sub|\/sub|!-- omakase:a\/b\/c:1:0 -->)/],
    ["draw no picture and no link", "![x](https://evil.test/p.png) [click](https://evil.test)", /(^|[^\\])[[\]]\(/],
  ])("%s", (_, words, forbidden) => {
    expect(plain(words)).not.toMatch(forbidden);
    const body = describePullRequest(
      aFeature({ results: aCoder(words), ticket: { key: "OMA-1", title: "x", url: "https://linear.app/x" } }),
      "a/b/c:1:0",
    );
    expect(body.replace("[OMA-1](https://linear.app/x)", "")).not.toMatch(forbidden);
  });

  test("carry no secret that looks like one", () => {
    const body = describePullRequest(aFeature({ results: aCoder(`key sk-ant-${"a".repeat(40)}`) }), "a/b/c:1:0");
    expect(body).toContain("[masked]");
  });

  test("are cut to what GitHub takes, and the marker stays", () => {
    const body = describePullRequest(aFeature({ results: aCoder("x".repeat(200_000)) }), "a/b/c:1:0");
    expect(body.length).toBeLessThan(65_536);
    expect(body).toContain("<!-- omakase:a/b/c:1:0 -->");
  });

  test("lead nowhere but to http", () => {
    expect(
      describePullRequest(aFeature({ ticket: { key: "OMA-1", title: "x", url: "javascript:alert(1)" } }), "a/b/c:1:0"),
    ).toContain("[OMA-1](#)");
  });
});

test.each([
  ["damaged", "{"],
  ["null", "null"],
  ["of another shape", JSON.stringify({ summary: { toString: 1 }, changes: "all" })],
])("a result that is %s is left out", (_, coder) => {
  const body = describePullRequest(
    aFeature({ results: { architect: null, coder, reviewer: coder, tester: coder } }),
    "a/b/c:1:0",
  );
  expect(body).not.toContain("###");
});

test("every role's part is there, with the branches it builds on and what it cost", () => {
  const results = {
    architect: JSON.stringify({ summary: "The plan.", plan: "", steps: [], acceptance: ["It prints."], files: [] }),
    coder: JSON.stringify({ summary: "Printed.", changes: [{ path: "a.ts", why: "prints" }], testsRun: "" }),
    reviewer: JSON.stringify({
      verdict: "approve",
      summary: "Good.",
      remarks: [{ path: "a.ts", line: 1, severity: "nit", message: "Name it." }],
    }),
    tester: JSON.stringify({
      verdict: "pass",
      summary: "Green.",
      command: "bun test",
      evidence: [{ check: "prints", passed: true, output: "" }],
    }),
  };
  const body = describePullRequest(aFeature({ results, bases: ["agent/oma-2"] }), "a/b/c:1:0");
  for (const part of [
    "The plan.",
    "- It prints.",
    "`a.ts`: prints",
    "nit in `a.ts`: Name it.",
    "passed: prints",
    "`agent/oma-2`",
    "$1.23",
  ]) {
    expect(body).toContain(part);
  }
});
