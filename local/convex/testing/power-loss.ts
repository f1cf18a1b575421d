// Power loss, replayed. `kill -9` proves nothing about fsync: what was written stays in the kernel's memory. So the server runs under
// strace, which writes down every write to the database's files and every fsync with its data and its time; from that a disk is made
// as it may look when the power goes at a chosen moment: all that an fsync had finished for, and of the later writes any, in part.
//
// What it takes for granted: names of files survive (SQLite syncs the folder itself), and a disk that keeps what it has synced.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/** A look at a file of the database, in the order of the trace. Times in seconds since the epoch. */
type Call =
  | { readonly kind: "write"; readonly file: string; readonly offset: number; readonly data: Buffer; readonly at: number }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number; readonly at: number }
  /** `at` is when it had returned. */
  | { readonly kind: "sync"; readonly file: string; readonly at: number };

export const FILES = ["convex.sqlite", "convex.sqlite-wal", "convex.sqlite-log"] as const;
/** What a disk writes in one piece. */
const SECTOR_BYTES = 512;

/** The command in front of a server that has its file accesses written down. @throws when this machine has no strace */
export function traced(dir: string, traceFile: string): string[] {
  const strace = Bun.which("strace");
  if (strace === null)
    throw new Error(
      "Power loss is replayed from a record that strace makes, and it is not installed: apt-get install strace (Linux only).",
    );
  // -D: the server stays our own child, strace is beside it.
  const calls = "trace=pwrite64,write,ftruncate,fsync,fdatasync";
  return [strace, "-D", "-f", "-qq", "-y", "-ttt", "-T", "-xx", "-s", "100000", "-e", calls, "-o", traceFile].concat(
    FILES.flatMap((name) => ["-P", join(dir, name)]),
  );
}

const LINE = /^(\d+)\s+(\d+\.\d+) (.*)$/;
const CALL =
  /^(pwrite64|write|ftruncate|fsync|fdatasync)\(\d+<([^>]*)>(?:, (.*))?\)\s+= (-?\d+)(?:<[^>]*>)?.*?(?:<(\d+\.\d+)>)?$/;

/** @throws on a line that it does not understand: a trace that is half read proves nothing */
export function readTrace(traceFile: string): Call[] {
  const calls: Call[] = [];
  const begun = new Map<string, string>();
  for (const line of readFileSync(traceFile, "latin1").split("\n")) {
    const [, thread = "", time = "", rest = ""] = LINE.exec(line) ?? [];
    if (rest === "" || rest.startsWith("+++") || rest.startsWith("---")) continue;
    const isBegun = rest.endsWith("<unfinished ...>");
    if (isBegun) {
      begun.set(thread, rest.slice(0, -"<unfinished ...>".length).trimEnd());
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const text = resumed ? `${begun.get(thread) ?? ""}${resumed[1]}` : rest;
    begun.delete(thread);
    const call = readCall(text, Number(time), resumed !== null);
    if (call) calls.push(call);
  }
  return calls;
}

function readCall(text: string, time: number, isResumed: boolean): Call | null {
  const [, name, path = "", args = "", result = "", tookS = "0"] = CALL.exec(text) ?? [];
  if (name === undefined) throw new Error(`the trace has a line that is not understood: ${text.slice(0, 200)}`);
  const file = basename(unhex(path));
  if (Number(result) < 0 || !(FILES as readonly string[]).includes(file)) return null;
  // A line's time is that of the call, a resumed one's that of its return.
  const returnedAt = isResumed ? time : time + Number(tookS);
  switch (name) {
    case "fsync":
    case "fdatasync":
      return { kind: "sync", file, at: returnedAt };
    case "ftruncate":
      return { kind: "truncate", file, size: Number(args), at: time };
    case "pwrite64": {
      const [, hex = "", offset = ""] = /^"((?:\\x[0-9a-f]{2})*)", \d+, (\d+)$/.exec(args) ?? [];
      const data = Buffer.from(hex.replaceAll("\\x", ""), "hex");
      if (data.length !== Number(result)) throw new Error(`the trace has ${data.length} bytes of a write of ${result}`);
      return { kind: "write", file, offset: Number(offset), data, at: time };
    }
    default:
      throw new Error(`the database was written with ${name}, which says no position`);
  }
}

const unhex = (text: string): string => (text.includes("\\x") ? Buffer.from(text.replaceAll("\\x", ""), "hex").toString() : text);

export interface Cut {
  /** Writes that no fsync had covered, and how many of them were kept whole or in part. */
  readonly unsynced: number;
  readonly kept: number;
}

/**
 * Lays out what a disk may hold when the power goes at a moment.
 * @param base the folder as it was before the trace began @param atS seconds since the epoch @param random 0 ≤ x < 1
 */
export function cutPower(base: string, calls: readonly Call[], atS: number, into: string, random: () => number): Cut {
  mkdirSync(into, { recursive: true });
  let [unsynced, kept] = [0, 0];
  for (const file of FILES) {
    const mine = calls.filter((call) => call.file === file && call.at <= atS);
    const lastSync = mine.findLastIndex(({ kind }) => kind === "sync");
    const from = join(base, file);
    let bytes: Buffer = existsSync(from) ? readFileSync(from) : Buffer.alloc(0);
    for (const [index, call] of mine.entries()) {
      const isSynced = index < lastSync;
      if (call.kind === "sync") continue;
      if (!isSynced) unsynced++;
      if (!isSynced && random() < 0.5) continue;
      if (!isSynced) kept++;
      bytes = call.kind === "truncate" ? resized(bytes, call.size) : written(bytes, call, isSynced ? null : random);
    }
    if (bytes.length > 0) writeFileSync(join(into, file), bytes);
  }
  const key = join(base, "admin.key");
  if (existsSync(key)) copyFileSync(key, join(into, "admin.key"));
  return { unsynced, kept };
}

const resized = (bytes: Buffer, size: number): Buffer =>
  size <= bytes.length ? bytes.subarray(0, size) : Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]);

/** Whole, or only those of its sectors that chance lets through. */
function written(bytes: Buffer, { offset, data }: { offset: number; data: Buffer }, random: (() => number) | null): Buffer {
  const next = Buffer.from(resized(bytes, Math.max(bytes.length, offset + data.length)));
  const isTorn = random !== null && random() < 0.5;
  for (let at = 0; at < data.length; at += SECTOR_BYTES) {
    if (isTorn && random() < 0.5) continue;
    data.copy(next, offset + at, at, Math.min(data.length, at + SECTOR_BYTES));
  }
  return next;
}
