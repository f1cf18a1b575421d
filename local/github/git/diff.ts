// What changed between two commits: the list of files, their patches, and which lines a review may speak about.
import type { BareRepository } from "./bare-repository.ts";
import { OutputTooLarge } from "./run.ts";

/** GitHub leaves a file's patch out above this. */
const MAX_FILE_PATCH_LINES = 20_000;
const MAX_PATCH_BYTES = 20 * 1024 * 1024;

export type FileStatus = "added" | "removed" | "modified" | "renamed" | "copied" | "changed";

export interface FileChange {
  readonly path: string;
  readonly previousPath: string | null;
  readonly status: FileStatus;
  readonly additions: number;
  readonly deletions: number;
  /** The blob after the change; before it, for a removed file. */
  readonly sha: string;
  /** The hunks, or null for a binary, an unchanged or a very large file. */
  readonly patch: string | null;
}

export interface DiffTotals {
  readonly files: number;
  readonly additions: number;
  readonly deletions: number;
}

/** One line of a patch with its place in both files. */
export interface PatchLine {
  readonly kind: "hunk" | "added" | "removed" | "context" | "note";
  readonly text: string;
  readonly oldLine: number | null;
  readonly newLine: number | null;
}

const DIFF = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "-M", "--full-index"];

/** Every changed file from one commit to another, in git's order. */
export async function fileChanges(git: BareRepository, from: string, to: string): Promise<FileChange[]> {
  const [summary, patches] = await Promise.all([
    git.git([...DIFF, "-z", "--raw", "--numstat", from, to, "--"]),
    patchText(git, from, to),
  ]);
  const sections = patches === null ? [] : patches.split(/^(?=diff --git )/m).filter(Boolean);
  let next = 0;
  return parseSummary(new TextDecoder().decode(summary.bytes)).map(({ typeChanged, ...change }) => {
    const section = sections[next] ?? "";
    next += typeChanged ? 2 : 1; // git writes a type change as a removal and an addition
    return { ...change, patch: typeChanged ? null : hunksOf(section) };
  });
}

/** Counts only: cheap enough for every answer about a pull request. */
export async function diffTotals(git: BareRepository, from: string, to: string): Promise<DiffTotals> {
  const { bytes } = await git.git([...DIFF, "-z", "--raw", "--numstat", from, to, "--"]);
  const changes = parseSummary(new TextDecoder().decode(bytes));
  return {
    files: changes.length,
    additions: changes.reduce((sum, change) => sum + change.additions, 0),
    deletions: changes.reduce((sum, change) => sum + change.deletions, 0),
  };
}

/** The whole diff as text, or null when it is too large to be served. */
export async function patchText(git: BareRepository, from: string, to: string): Promise<string | null> {
  try {
    const { bytes } = await git.git([...DIFF, "-p", from, to, "--"], { maxOutputBytes: MAX_PATCH_BYTES });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof OutputTooLarge) return null;
    throw error;
  }
}

/** A patch line by line, numbered as both files number it. */
export function patchLines(patch: string): PatchLine[] {
  let oldLine = 0;
  let newLine = 0;
  return patch.split("\n").map((text) => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text);
    if (hunk !== null) {
      oldLine = Number(hunk[1]);
      newLine = Number(hunk[2]);
      return { kind: "hunk", text, oldLine: null, newLine: null };
    }
    if (text.startsWith("+")) return { kind: "added", text, oldLine: null, newLine: newLine++ };
    if (text.startsWith("-")) return { kind: "removed", text, oldLine: oldLine++, newLine: null };
    if (text.startsWith("\\")) return { kind: "note", text, oldLine: null, newLine: null };
    return { kind: "context", text, oldLine: oldLine++, newLine: newLine++ };
  });
}

/** The hunk down to the given line, as GitHub shows it above a remark; null when the line is in no hunk. */
export function hunkAt(patch: string, line: number, side: "LEFT" | "RIGHT"): string | null {
  const all = patchLines(patch);
  const at = all.findIndex((entry) => (side === "LEFT" ? entry.oldLine : entry.newLine) === line);
  if (at === -1) return null;
  const start = all.findLastIndex((entry, index) => entry.kind === "hunk" && index <= at);
  return all
    .slice(start, at + 1)
    .map((entry) => entry.text)
    .join("\n");
}

/** The line that an old-style `position` (lines below the first hunk header) means. */
export function lineAtPosition(patch: string, position: number): { line: number; side: "LEFT" | "RIGHT" } | null {
  const entry = patchLines(patch)[position];
  if (entry?.newLine != null) return { line: entry.newLine, side: "RIGHT" };
  return entry?.oldLine != null ? { line: entry.oldLine, side: "LEFT" } : null;
}

function hunksOf(section: string): string | null {
  const start = section.search(/^@@ /m);
  if (start === -1) return null;
  const patch = section.slice(start).replace(/\n$/, "");
  return patch.split("\n").length > MAX_FILE_PATCH_LINES ? null : patch;
}

type Summary = Omit<FileChange, "patch"> & { typeChanged: boolean };

/** `--raw --numstat -z`: first all raw records (`:modes blobs status`, path, and for a rename a second path), then all counts. */
function parseSummary(output: string): Summary[] {
  const fields = output.split("\0");
  const raw: Omit<Summary, "additions" | "deletions">[] = [];
  let at = 0;
  while (fields[at]?.startsWith(":")) {
    const [, , oldSha = "", newSha = "", letters = ""] = (fields[at] ?? "").split(" ");
    const moved = /^[RC]/.test(letters);
    const path = fields[at + (moved ? 2 : 1)] ?? "";
    const previousPath = moved ? (fields[at + 1] ?? null) : null;
    const status = STATUS[letters[0] ?? ""] ?? "changed";
    raw.push({ path, previousPath, status, sha: status === "removed" ? oldSha : newSha, typeChanged: letters.startsWith("T") });
    at += moved ? 3 : 2;
  }
  return raw.map((change) => {
    const [additions, deletions] = (fields[at] ?? "").split("\t");
    at += change.previousPath === null ? 1 : 3;
    return { ...change, additions: Number(additions) || 0, deletions: Number(deletions) || 0 };
  });
}

const STATUS: Readonly<Record<string, FileStatus>> = {
  A: "added",
  D: "removed",
  M: "modified",
  R: "renamed",
  C: "copied",
  T: "changed",
};
