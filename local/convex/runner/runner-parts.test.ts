// Small parts of the runner that can be claimed about without a server.
import { describe, expect, test } from "bun:test";
import { failureOf } from "./failure.ts";
import { canonicalPath } from "./function-path.ts";
import { LogLines } from "./log-lines.ts";
import { SeededRandom } from "./random.ts";
import { Watchdog } from "./watchdog.ts";

describe("seeded randomness", () => {
  test("the same seed gives the same sequence, spread over [0, 1)", () => {
    const draw = (seed: [number, number, number]) => {
      const random = new SeededRandom(() => seed);
      return Array.from({ length: 1000 }, () => random.unit());
    };
    const first = draw([1, 2, 3]);
    expect(draw([1, 2, 3])).toEqual(first);
    expect(draw([1, 2, 4])).not.toEqual(first);
    expect(first.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
  });
});

describe("log lines", () => {
  test("strings are quoted, objects inspected, long lines cut, and line 257 says that the rest is missing", () => {
    const log = new LogLines();
    log.add("WARN", ["text", { a: [1] }]);
    log.add("LOG", ["x".repeat(100_000)]);
    for (let at = 0; at < 300; at++) log.add("LOG", [at]);
    expect(log.lines[0]).toBe("[WARN] 'text' { a: [ 1 ] }");
    expect(log.lines[1]?.length).toBeLessThanOrEqual(32 * 1024);
    expect(log.lines).toHaveLength(257);
    expect(log.lines.at(-1)).toContain("Remaining log lines omitted");
  });
});

describe("watchdog", () => {
  test("work that settles is left alone; work that only waits is told once and rejected", async () => {
    const watchdog = new Watchdog(100);
    const told: string[] = [];
    expect(await watchdog.watch(Promise.resolve(1), (text) => told.push(text))).toBe(1);
    await expect(watchdog.watch(new Promise(() => {}), (text) => told.push(text))).rejects.toThrow("timed out");
    expect(told).toHaveLength(1);
  });
});

describe("failures", () => {
  test("whatever is thrown can be told, even an object that cannot be shown", () => {
    const hostile = Object.create(null, {
      toString: {
        value: () => {
          throw new Error("no");
        },
      },
    });
    expect(failureOf(hostile, "/m").description).toBe("Uncaught an object that cannot be shown as text");
    const touchy = Object.defineProperty(new Error("x"), "message", {
      get: () => {
        throw new Error("no");
      },
    });
    expect(failureOf(touchy, "/m").description).toBe("Uncaught an object that cannot be shown as text");
    expect(failureOf(new Error("y".repeat(1_000_000)), "/m").description.length).toBeLessThan(70_000);
    expect(failureOf(undefined, "/m").description).toBe("Uncaught undefined");
    expect(failureOf(new TypeError("bad"), "/m").description).toStartWith("Uncaught TypeError: bad");
  });
});

describe("function paths", () => {
  test("every spelling of a function is one function", () => {
    expect(["a/b:c", "a/b.js:c"].map(canonicalPath)).toEqual(["a/b:c", "a/b:c"]);
    expect(["a/b", "a/b.js", "a/b:default"].map(canonicalPath)).toEqual(["a/b:default", "a/b:default", "a/b:default"]);
  });
});
