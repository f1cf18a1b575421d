// Names that reach git or the disk: our rule is never looser than git's own.
import { describe, expect, test } from "bun:test";
import { isAccountName, isBranchName, isRefName, isRepositoryName, isTreePath } from "./names.ts";

const CANDIDATES = [
  "main",
  "agent/OMA-12",
  "a.b",
  "ä",
  "feat/x_y",
  "-x",
  "a..b",
  "a b",
  "a~1",
  "a^",
  "a:b",
  "a?",
  "a*",
  "a[",
  "a\\b",
  "a.lock",
  "a.lock/b",
  "/a",
  "a/",
  "a//b",
  ".a",
  "a/.b",
  "a.",
  "@",
  "a@{1}",
  "",
  "a\u0001",
  "a\u007f",
  "HEAD",
  "x".repeat(300),
  "refs/heads/x",
];

describe("names", () => {
  test("every branch name taken is one that git check-ref-format takes", () => {
    const taken = CANDIDATES.filter(isBranchName);
    const git = (name: string) => Bun.spawnSync(["git", "check-ref-format", `refs/heads/${name}`]).exitCode === 0;
    expect(taken).toEqual(["main", "agent/OMA-12", "a.b", "ä", "feat/x_y", "HEAD", "refs/heads/x"]);
    expect(taken.filter((name) => !git(name))).toEqual([]);
  });

  test("refs are branches and tags only, accounts and repositories hold nothing that means something in a path", () => {
    expect(["refs/heads/a", "refs/tags/v1", "refs/pull/1/head", "HEAD", "refs/heads/", "refs/heads/../x"].map(isRefName)).toEqual(
      [true, true, false, false, false, false],
    );
    expect(["omakase", "a-b", "-a", "a-", "repos", "a/b", ".."].map(isAccountName)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(["demo", "a.b", ".", "..", "a.git", "a/b", "", "ä"].map(isRepositoryName)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(["a/b c", "../x", "a//b", "a/./b", "", "a\0"].map(isTreePath)).toEqual([true, false, false, false, false, false]);
  });
});
