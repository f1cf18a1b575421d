import { describe, expect, test } from "bun:test";
import { LogBook } from "./log-book.ts";
import type { LogEvent } from "./log-event.ts";
import { neighbour, rowsOf } from "./rows.ts";

const anEvent = (seq: number, fields: Partial<LogEvent> = {}) => ({
  seq,
  at: 1_000 + seq,
  source: "runner",
  level: "info",
  kind: "note",
  text: `event ${seq}`,
  data: {},
  ...fields,
});
const aChunk = (from: number, events: readonly object[]) => ({ from, events: JSON.stringify(events) });
const aCall = (seq: number, data: object = {}) =>
  anEvent(seq, { source: "tool", kind: "tool.call", text: "Bash bun test", data: { name: "Bash", ...data } });
const aResult = (seq: number, data: object = {}, text = "one\ntwo") =>
  anEvent(seq, { source: "tool", kind: "tool.result", text, data: { isError: false, durationMs: 1200, ...data } });
const ALL = { level: "debug", source: null, query: "" } as const;
const NO_FOLDS: ReadonlyMap<number, boolean> = new Map();

describe("log book", () => {
  test("B1: numbers lines from 1 through events of several lines and never renumbers", () => {
    const book = new LogBook();
    const before = book
      .add([aChunk(1, [anEvent(1, { text: "a\nb" }), anEvent(2)])])
      .lines.map(({ number, text }) => [number, text]);
    const after = book.add([aChunk(3, [anEvent(3)])]).lines.map(({ number, text }) => [number, text]);
    expect(before).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "event 2"],
    ]);
    expect(after).toEqual([...before, [4, "event 3"]]);
  });

  test("B2: a repeat adds nothing, and what comes after a gap waits for it", () => {
    const book = new LogBook();
    const first = aChunk(1, [anEvent(1), anEvent(2)]);
    const pages = book.add([first]);
    expect(book.add([first])).toBe(pages);
    expect(book.add([aChunk(4, [anEvent(4)])]).count).toBe(2);
    expect(book.add([aChunk(3, [anEvent(3)])]).lines.map(({ text }) => text)).toEqual([
      "event 1",
      "event 2",
      "event 3",
      "event 4",
    ]);
  });

  test("a chunk that is no JSON, or holds no event, is a line that says so", () => {
    const book = new LogBook();
    book.add([{ from: 1, events: "{" }]);
    const { lines } = book.add([aChunk(2, ["nonsense" as unknown as object])]);
    expect(lines.map(({ kind }) => kind)).toEqual(["damaged", "damaged"]);
  });

  test("what a tool said stands under its own call, also when answers cross", () => {
    const book = new LogBook();
    const { lines } = book.add([
      aChunk(1, [
        aCall(1, { toolUseId: "a" }),
        aCall(2, { toolUseId: "b" }),
        aResult(3, { toolUseId: "b", isError: true }),
        aResult(4, { toolUseId: "a" }),
      ]),
    ]);
    const [a, b] = lines;
    expect(a?.group?.result).toEqual({ isError: false, durationMs: 1200 });
    expect(b?.group?.result).toEqual({ isError: true, durationMs: 1200 });
    expect(lines.filter(({ group }) => group === b?.group).map(({ text }) => text)).toEqual(["Bash bun test", "one", "two"]);
  });

  test("a call that does not name itself gets the oldest open answer", () => {
    const book = new LogBook();
    const { lines } = book.add([aChunk(1, [aCall(1), aCall(2), aResult(3, { toolUseId: "x" })])]);
    expect(lines[0]?.group?.result).not.toBeNull();
    expect(lines[1]?.group?.result).toBeNull();
  });
});

describe("log rows", () => {
  const setup = (...events: object[]) => new LogBook().add([aChunk(1, events)]).lines;
  const texts = (lines: ReturnType<typeof setup>, rows: readonly number[]) => rows.map((index) => lines[index]?.text);

  test("a call that went well is folded into one row, one that failed is open", () => {
    const lines = setup(aCall(1), aResult(2), aCall(3), aResult(4, { isError: true }, "boom"));
    expect(texts(lines, rowsOf(lines, ALL, NO_FOLDS).rows)).toEqual(["Bash bun test", "Bash bun test", "boom"]);
  });

  test("a person's fold wins over what would be open", () => {
    const lines = setup(aCall(1), aResult(2), aCall(3), aResult(4, { isError: true }, "boom"));
    const folds = new Map([
      [1, true],
      [2, false],
    ]);
    expect(texts(lines, rowsOf(lines, ALL, folds).rows)).toEqual(["Bash bun test", "one", "two", "Bash bun test"]);
  });

  test("a search opens the group it finds something in and counts what it found", () => {
    const lines = setup(aCall(1), aResult(2), anEvent(3, { text: "TWO of them" }));
    const { rows, matches } = rowsOf(lines, { ...ALL, query: "two" }, NO_FOLDS);
    expect(texts(lines, rows)).toEqual(["Bash bun test", "one", "two", "TWO of them"]);
    expect(matches).toEqual([2, 3]);
  });

  test("a search takes its text as it is, not as a pattern", () => {
    const lines = setup(anEvent(1, { text: "a.b" }), anEvent(2, { text: "axb" }));
    expect(rowsOf(lines, { ...ALL, query: "a.b (" }, NO_FOLDS).matches).toEqual([]);
    expect(rowsOf(lines, { ...ALL, query: "a.b" }, NO_FOLDS).matches).toEqual([0]);
  });

  test("the level filter keeps a folded call that failed", () => {
    const lines = setup(anEvent(1), aCall(2), aResult(3, { isError: true }, "boom"), anEvent(4, { level: "error", text: "bad" }));
    const { rows, errors } = rowsOf(lines, { ...ALL, level: "error" }, NO_FOLDS);
    expect(texts(lines, rows)).toEqual(["Bash bun test", "bad"]);
    expect(errors).toEqual([0, 1]);
  });

  test("100,000 lines are filtered and searched within a keystroke", () => {
    const events = Array.from({ length: 100_000 }, (_, index) => anEvent(index + 1, { text: `line ${index} of a long log` }));
    const lines = setup(...events);
    const began = performance.now();
    const { rows, matches } = rowsOf(lines, { ...ALL, query: "99999" }, NO_FOLDS);
    expect(performance.now() - began).toBeLessThan(300);
    expect([rows.length, matches]).toEqual([100_000, [99_999]]);
  });

  test("next and previous go round the ends", () => {
    expect(neighbour([2, 5, 9], 5, 1)).toBe(9);
    expect(neighbour([2, 5, 9], 9, 1)).toBe(2);
    expect(neighbour([2, 5, 9], 2, -1)).toBe(9);
    expect(neighbour([], 0, 1)).toBeNull();
  });
});
