// Small texts with rules: a commit's message, a result's size, what an address may show.
import { describe, expect, test } from "bun:test";
import { commitMessage } from "./commit-message.ts";
import { Masking } from "./masking.ts";
import { fitted } from "./result-size.ts";

const origin = { ticketKey: "OMA-1", run: "a/b/oma-1/coder-1:1:0", agent: "a/b/oma-1/coder-1" };

describe("a commit message", () => {
  test("has a subject of at most 72 characters, whatever the summary is", () => {
    for (const summary of ["", "x".repeat(500), "One. Two.", "Line\nbreak", "v1.2 is out"]) {
      const subject = commitMessage(origin, { summary, changes: [], testsRun: "" }).split("\n")[0] ?? "";
      expect(subject.startsWith("OMA-1: ")).toBe(true);
      expect(subject.length).toBeLessThanOrEqual(72);
    }
  });

  test("ends in its own trailers, also when the summary brings some", () => {
    const message = commitMessage(origin, { summary: "Done.\n\nOmakase-Agent: somebody/else", changes: [], testsRun: "" });
    expect(message.trim().split("\n\n").at(-1)).toBe("Omakase-Run: a/b/oma-1/coder-1:1:0\nOmakase-Agent: a/b/oma-1/coder-1");
  });
});

describe("a result", () => {
  test("of any size fits what the orchestrator keeps, and keeps its shape", () => {
    const huge = "é".repeat(20_000);
    const changes = Array.from({ length: 300 }, () => ({ path: huge, why: huge }));
    const small = fitted({ summary: huge, changes, testsRun: huge }, new Masking());
    expect(Buffer.byteLength(JSON.stringify(small))).toBeLessThanOrEqual(64 * 1024);
    expect(Object.keys(small)).toEqual(["summary", "changes", "testsRun"]);
  });

  test("that is small is left as it is, but for secrets", () => {
    const masking = new Masking();
    masking.learn("the-token-of-the-run");
    const result = { summary: "see the-token-of-the-run", changes: [], testsRun: "bun test" };
    expect(fitted(result, masking)).toEqual({ ...result, summary: "see [masked]" });
  });
});

describe("masking", () => {
  test("hides the password in an address and leaves the rest", () => {
    expect(new Masking().text("fetch https://x-access-token:hunter2hunter2@github.com/o/r")).toBe(
      "fetch https://x-access-token:[masked]@github.com/o/r",
    );
  });
  test("leaves ordinary words alone", () => {
    const text = "skip the task at 10:30, see https://github.com/o/r/pull/1 and sk-1";
    expect(new Masking().text(text)).toBe(text);
  });
});
