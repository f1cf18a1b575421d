// Changed files and lines, against a real repository with every kind of change.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shell } from "../contract/setup.ts";
import { BareRepository } from "./bare-repository.ts";
import { fileChanges, hunkAt, lineAtPosition, patchLines } from "./diff.ts";
import { Git } from "./run.ts";

const dir = mkdtempSync(join(tmpdir(), "omakase-diff-"));
let git: BareRepository;
let from = "";
let to = "";

beforeAll(async () => {
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`).join("\\n");
  const script = `git init -q -b main . && printf '${lines}\\n' > old-name && echo gone > gone && printf 'a\\0b' > binary && echo t > type
    echo 'diff --git a/x b/x' > tricky && git add -A && git commit -qm one && git rev-parse HEAD
    git mv old-name 'new ä name' && echo more >> 'new ä name' && git rm -q gone && printf 'a\\0c' > binary && rm type && ln -s target type
    printf '%s\\n' 'diff --git a/y b/y' '@@ -1 +1 @@' > tricky && printf 'no newline' > added && git add -A && git commit -qm two && git rev-parse HEAD`;
  const { out, err } = await shell(dir, script);
  [from = "", to = ""] = out.split("\n");
  expect(err).toBe("");
  git = new BareRepository(new Git(dir), join(dir, ".git"));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe("file changes", () => {
  test("tell every kind apart, and each patch belongs to its file", async () => {
    const changes = await fileChanges(git, from, to);
    expect(
      changes.map(({ path, previousPath, status, additions, deletions }) => [path, previousPath, status, additions, deletions]),
    ).toEqual([
      ["added", null, "added", 1, 0],
      ["binary", null, "modified", 0, 0],
      ["gone", null, "removed", 0, 1],
      ["new ä name", "old-name", "renamed", 1, 0],
      ["tricky", null, "modified", 2, 1],
      ["type", null, "changed", 1, 1],
    ]);
    expect(changes.map((change) => change.patch)).toEqual([
      "@@ -0,0 +1 @@\n+no newline\n\\ No newline at end of file",
      null,
      "@@ -1 +0,0 @@\n-gone",
      expect.stringContaining("+more"),
      "@@ -1 +1,2 @@\n-diff --git a/x b/x\n+diff --git a/y b/y\n+@@ -1 +1 @@",
      null,
    ]);
  });

  test("lines are numbered as both files number them, and only lines of a hunk can be spoken about", () => {
    const patch = "@@ -10,3 +20,3 @@ context\n same\n-old\n+new\n same again\n\\ No newline at end of file";
    expect(patchLines(patch).map(({ kind, oldLine, newLine }) => [kind, oldLine, newLine])).toEqual([
      ["hunk", null, null],
      ["context", 10, 20],
      ["removed", 11, null],
      ["added", null, 21],
      ["context", 12, 22],
      ["note", null, null],
    ]);
    expect(hunkAt(patch, 21, "RIGHT")).toEndWith("-old\n+new");
    expect([hunkAt(patch, 11, "LEFT") !== null, hunkAt(patch, 23, "RIGHT"), hunkAt(patch, 20, "LEFT")]).toEqual([
      true,
      null,
      null,
    ]);
    expect([lineAtPosition(patch, 3), lineAtPosition(patch, 2), lineAtPosition(patch, 0)]).toEqual([
      { line: 21, side: "RIGHT" },
      { line: 11, side: "LEFT" },
      null,
    ]);
  });
});
