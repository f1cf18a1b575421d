import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "./journal.ts";

const directory = mkdtempSync(join(tmpdir(), "journal-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function written(records: readonly string[], generation = 7n): string {
  const path = join(directory, `${files++}-log`);
  const journal = Journal.open(path, true);
  journal.begin(generation);
  for (const record of records) journal.append(record);
  journal.close();
  return path;
}

function readBack(path: string, generation = 7n): string[] {
  const journal = Journal.open(path, false);
  try {
    return journal.read(generation);
  } finally {
    journal.close();
  }
}

const RECORDS = ["first", "zwei äöü 𝄞", "x".repeat(70_000), "last"];

describe("a journal", () => {
  test("has every record again, in order, and goes on behind them", () => {
    const path = written(RECORDS);
    const journal = Journal.open(path, true);
    expect(journal.read(7n)).toEqual(RECORDS);
    journal.append("one more");
    journal.close();
    expect(readBack(path)).toEqual([...RECORDS, "one more"]);
  });

  test("J1: cut off at any byte, or with any byte of its last record wrong, it ends at the last whole record", () => {
    const whole = written(["first", "second", "third"]);
    const bytes = readFileSync(whole);
    const sizes = ["first", "second", "third"].map((text) => 12 + text.length);
    const end = sizes.reduce((sum, size) => sum + size, 0);
    const path = join(directory, "torn-log");
    for (let at = 0; at <= end; at++) {
      writeFileSync(path, bytes);
      truncateSync(path, at);
      const wholeRecords = sizes.filter(
        (_, index) => sizes.slice(0, index + 1).reduce((sum, size) => sum + size, 0) <= at,
      ).length;
      expect(readBack(path)).toEqual(["first", "second", "third"].slice(0, wholeRecords));
    }
    for (let at = end - (sizes[2] ?? 0); at < end; at++) {
      const wrong = Buffer.from(bytes);
      wrong[at] = (wrong[at] ?? 0) ^ 0x41;
      writeFileSync(path, wrong);
      expect(readBack(path)).toEqual(["first", "second"]);
    }
  });

  test("J1: a whole record in another place than its own counts for nothing", () => {
    const path = written(["same", "same"]);
    const bytes = readFileSync(path);
    bytes.copy(bytes, 16, 0, 16);
    writeFileSync(path, bytes);
    expect(readBack(path)).toEqual(["same"]);
  });

  test("read again, it says so when the disk does not have what was appended any more", () => {
    const path = join(directory, "changed-log");
    const journal = Journal.open(path, true);
    journal.begin(7n);
    for (const record of RECORDS) journal.append(record);
    expect(journal.reread()).toEqual(RECORDS);
    const bytes = readFileSync(path);
    bytes.fill(0, 20, 30);
    writeFileSync(path, bytes);
    expect(() => journal.reread()).toThrow("The journal has 17 good bytes where");
    journal.close();
  });

  test("J2: a new generation forgets what was there, and what is left behind its records stays forgotten", () => {
    const path = written(RECORDS);
    const journal = Journal.open(path, true);
    journal.begin(8n);
    expect(journal.bytes).toBe(0);
    journal.append("first"); // as long as the first was: the next record of generation 7 lies right behind it
    journal.close();
    expect(readBack(path, 8n)).toEqual(["first"]);
    expect(readBack(path, 7n)).toEqual([]);
  });
});
