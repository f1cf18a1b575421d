// The main job, whole: every part a real process, every protocol the real one.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DemoReport, formatReport, runDemo } from "./demo.ts";
import { type Headless, startHeadless } from "./headless.ts";
import { findDoubles } from "./journals.ts";

const TIMEOUT_MS = 280_000;

describe("five tickets on one machine", () => {
  let stack: Headless;
  let report: DemoReport;
  beforeAll(async () => {
    stack = await startHeadless();
    report = await runDemo(stack.launch, 240_000);
  }, TIMEOUT_MS);
  afterAll(() => stack?.end(), 30_000);

  test("each ends as the demo promises", () => {
    const faults = report.tickets.flatMap(({ key, faults }) => faults.map((fault) => `${key}: ${fault}`));
    if (faults.length > 0) console.error(formatReport(report));
    expect(faults).toEqual([]);
  });

  test("no far end saw a task, a pull request, a comment or a move twice", async () => {
    expect(await findDoubles(stack.launch)).toEqual([]);
  });
});
