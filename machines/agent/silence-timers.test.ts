import { describe, expect, test } from "bun:test";
import { MACHINES } from "../index.ts";
import { measuresSilence } from "./silence-timers.ts";

describe("timers of silence", () => {
  test("for every delay of every machine somebody has decided whether it measures silence", () => {
    const decided: Record<string, boolean> = {
      launchMs: true,
      provisioningMs: true,
      checkAfterMs: true,
      reportGraceMs: true,
      stopMs: true,
      wallClockLeftMs: false,
      backOffMs: false,
      askAgainMs: false,
      lookAtBudgetMs: false,
    };
    const delays = Object.values(MACHINES).flatMap(({ implementations }) => Object.keys(implementations.delays));
    expect(delays.sort()).toEqual(Object.keys(decided).sort());
    for (const [delay, isOfSilence] of Object.entries(decided))
      expect([delay, measuresSilence(`xstate.after.${delay}.agent.running`)]).toEqual([delay, isOfSilence]);
  });

  test("what is no timer of a named delay measures none", () => {
    for (const id of ["", "stopMs", "xstate.after.5000.agent", "other.after.stopMs.agent"])
      expect(measuresSilence(id)).toBe(false);
  });
});
