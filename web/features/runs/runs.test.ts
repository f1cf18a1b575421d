import { describe, expect, test } from "bun:test";
import { parseResult } from "./results.ts";
import { parseRunId, runId, runTitle } from "./run-id.ts";
import { lookOf } from "./states.tsx";

describe("a run's name in a URL", () => {
  test("comes back as what it was made of", () => {
    const id = runId({ agent: "omakase/sample/oma-12/coder-2", attempt: 3 });
    expect(id).toBe("oma-12.coder-2.3");
    expect(parseRunId(id)).toEqual({ feature: "oma-12", agent: "coder-2", attempt: 3 });
  });

  test("anything else is no name", () => {
    for (const id of ["", "oma-1", "oma-1.coder-2", "oma-1.coder-2.0", "oma-1/x.coder-2.1", "../x.y.1", "a.b.1.2"]) {
      expect(parseRunId(id)).toBeNull();
    }
  });

  test("its title counts attempts from the second on", () => {
    expect(runTitle({ agent: "o/p/oma-1/coder-2", attempt: 1 })).toBe("Coder 2");
    expect(runTitle({ agent: "o/p/oma-1/coder-2", attempt: 2 })).toBe("Coder 2, attempt 2");
  });
});

describe("a run's look", () => {
  test("tells a verdict against the work from a failure", () => {
    expect(lookOf({ state: "ended", exitCode: 0 }).word).toBe("Done");
    expect(lookOf({ state: "ended", exitCode: 2 }).word).toBe("Sent back");
    expect(lookOf({ state: "ended", exitCode: 137 }).word).toBe("Failed");
    expect(lookOf({ state: "ended", exitCode: null }).word).toBe("Failed");
    expect(lookOf({ state: "claimed", exitCode: null }).word).toBe("Running");
  });
});

describe("a role's result", () => {
  test("fields of the wrong kind do not break the page", () => {
    const result = parseResult(
      "reviewer",
      JSON.stringify({ summary: "s", verdict: 7, remarks: [null, { path: {}, line: "4" }, "x"] }),
    );
    expect(result).toEqual({
      role: "reviewer",
      summary: "s",
      verdict: "7",
      remarks: [{ path: "{}", line: null, severity: "", message: "" }],
    });
  });

  test("what is no result is shown as it came", () => {
    expect(parseResult("coder", "[1]")).toEqual({ role: "unknown", json: "[1]" });
    expect(parseResult("coder", "{")).toEqual({ role: "unknown", json: "{" });
  });
});
