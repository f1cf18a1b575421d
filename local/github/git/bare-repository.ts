// One bare repository: refs, commits and trees by plumbing commands. Decides nothing about pull requests.
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isBranchName, isSha, isTreePath, ZERO_SHA } from "./names.ts";
import type { Git, GitOptions } from "./run.ts";

/** A git ref transaction holds a lock for milliseconds; an older one belongs to a process that was killed. */
const STALE_LOCK_MS = 10_000;

interface Signature {
  readonly name: string;
  readonly email: string;
  /** ISO 8601. */
  readonly date: string;
}

export interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

export interface TreeEntry {
  readonly mode: string;
  readonly type: "blob" | "tree" | "commit";
  readonly sha: string;
  /** Bytes of a blob; 0 for anything else. */
  readonly size: number;
  readonly path: string;
}

const COMMIT_FORMAT = "--format=%H%n%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B";

export class BareRepository {
  constructor(
    private readonly program: Git,
    readonly dir: string,
  ) {}

  git(args: readonly string[], options?: GitOptions) {
    return this.program.run(["--git-dir", this.dir, ...args], options);
  }

  /** Makes an empty repository whose HEAD names `defaultBranch`. */
  async create(defaultBranch: string): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    await this.program.run(["init", "--quiet", "--bare", "--template=", `--initial-branch=${defaultBranch}`, this.dir]);
  }

  /** Branches and tags with the object they name. */
  async refs(): Promise<Map<string, string>> {
    const { text } = await this.git(["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"]);
    return new Map(lines(text).map((line) => [line.slice(41), line.slice(0, 40)]));
  }

  branch = (name: string) => (isBranchName(name) ? this.#commit(`refs/heads/${name}`) : Promise.resolve(null));

  /** Any object a full ref name or 40 hex digits stand for, or null. */
  async object(name: string): Promise<string | null> {
    const { text, code } = await this.git(["rev-parse", "--verify", "--quiet", "--end-of-options", name], {
      okCodes: [0, 1, 128],
    });
    return code === 0 && (await this.git(["cat-file", "-e", text], { okCodes: [0, 1, 128] })).code === 0 ? text : null;
  }

  /** The commit meant by a branch, a tag, a full ref name or a commit id, as GitHub reads `{ref}`; null when there is none. */
  async commitOf(ref: string): Promise<string | null> {
    if (isSha(ref)) return this.#commit(ref);
    const short = ref.replace(/^refs\//, "");
    if (!isBranchName(short)) return null;
    if (/^(heads|tags|pull)\//.test(short)) {
      const found = await this.#commit(`refs/${short}`);
      if (found !== null) return found;
    }
    return (
      (await this.#commit(`refs/heads/${ref}`)) ?? (await this.#commit(`refs/tags/${ref}`)) ?? (await this.#abbreviated(ref))
    );
  }

  async #commit(name: string): Promise<string | null> {
    const { text, code } = await this.git(["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`], {
      okCodes: [0, 1, 128],
    });
    return code === 0 ? text : null;
  }

  #abbreviated = (ref: string) => (/^[0-9a-f]{7,39}$/.test(ref) ? this.#commit(ref) : Promise.resolve(null));

  /** Sets a ref if it still is `oldSha` (zeros: must not exist). False when somebody else was faster. */
  async updateRef(name: string, newSha: string, oldSha?: string): Promise<boolean> {
    const expected = oldSha === undefined ? [] : [oldSha];
    return (await this.git(["update-ref", "--no-deref", name, newSha, ...expected], { okCodes: [0, 1, 128] })).code === 0;
  }

  /** Deletes a ref if it still is `oldSha`. */
  async deleteRef(name: string, oldSha: string): Promise<boolean> {
    return (await this.git(["update-ref", "--no-deref", "-d", name, oldSha], { okCodes: [0, 1, 128] })).code === 0;
  }

  async isAncestor(older: string, newer: string): Promise<boolean> {
    if (older === ZERO_SHA || newer === ZERO_SHA) return false;
    return (await this.git(["merge-base", "--is-ancestor", older, newer], { okCodes: [0, 1, 128] })).code === 0;
  }

  /** The tips of all branches that a commit already holds: one question instead of one for each branch. */
  async branchTipsIn(commit: string): Promise<ReadonlySet<string>> {
    return new Set(lines((await this.git(["for-each-ref", `--merged=${commit}`, "--format=%(objectname)", "refs/heads"])).text));
  }

  /** The best common ancestor, or null for unrelated histories. */
  async mergeBase(a: string, b: string): Promise<string | null> {
    const { text, code } = await this.git(["merge-base", a, b], { okCodes: [0, 1] });
    return code === 0 ? (lines(text)[0] ?? null) : null;
  }

  /** How many commits `to` has that `from` has not. */
  async countCommits(from: string, to: string): Promise<number> {
    return Number((await this.git(["rev-list", "--count", to, `^${from}`])).text);
  }

  /** Newest first. `without` leaves out what that commit already has; `path` keeps commits that touch it. */
  async log(
    from: string,
    page: { limit: number; offset?: number; without?: string; path?: string; oldestFirst?: boolean },
  ): Promise<Commit[]> {
    if (page.path !== undefined && !isTreePath(page.path)) return [];
    const { bytes } = await this.git([
      "log",
      "-z",
      "--topo-order",
      COMMIT_FORMAT,
      `--max-count=${page.limit}`,
      `--skip=${page.offset ?? 0}`,
      ...(page.oldestFirst ? ["--reverse"] : []),
      from,
      ...(page.without === undefined ? [] : [`^${page.without}`]),
      "--",
      ...(page.path === undefined ? [] : [page.path]),
    ]);
    return new TextDecoder().decode(bytes).split("\0").filter(Boolean).map(parseCommit);
  }

  async commit(sha: string): Promise<Commit> {
    const [commit] = await this.log(sha, { limit: 1 });
    if (commit === undefined) throw new Error(`commit ${sha} was resolved but cannot be read`);
    return commit;
  }

  /** Stores a commit object; no ref names it yet. */
  async writeCommit(input: {
    tree: string;
    parents: readonly string[];
    message: string;
    author: Signature;
    committer: Signature;
  }): Promise<string> {
    const { author, committer } = input;
    const { text } = await this.git(
      ["commit-tree", input.tree, ...input.parents.flatMap((parent) => ["-p", parent]), "-F", "-"],
      {
        stdin: input.message,
        env: {
          GIT_AUTHOR_NAME: author.name,
          GIT_AUTHOR_EMAIL: author.email,
          GIT_AUTHOR_DATE: author.date,
          GIT_COMMITTER_NAME: committer.name,
          GIT_COMMITTER_EMAIL: committer.email,
          GIT_COMMITTER_DATE: committer.date,
        },
      },
    );
    return text;
  }

  /** The entry at a path of a commit, or null. An empty path is the root. */
  async entry(commit: string, path: string): Promise<TreeEntry | null> {
    if (path === "") return { mode: "040000", type: "tree", sha: (await this.commit(commit)).tree, size: 0, path: "" };
    if (!isTreePath(path)) return null;
    const { bytes } = await this.git(["ls-tree", "-z", "-l", "--full-tree", commit, "--", path]);
    return parseTree(bytes).find((entry) => entry.path === path) ?? null;
  }

  /** What lies directly below a tree, with paths relative to it. */
  async list(treeSha: string): Promise<TreeEntry[]> {
    return parseTree((await this.git(["ls-tree", "-z", "-l", treeSha])).bytes);
  }

  async blob(sha: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.git(["cat-file", "blob", sha], { maxOutputBytes: maxBytes })).bytes;
  }

  /** Removes ref locks that a killed process left behind. Call only while no git process of ours writes refs here. */
  async clearStaleLocks(nowMs: number): Promise<void> {
    const names = (await readdir(join(this.dir, "refs"), { recursive: true })).map((name) => join("refs", name));
    for (const name of ["HEAD.lock", "packed-refs.lock", ...names]) {
      if (!name.endsWith(".lock")) continue;
      const file = join(this.dir, name);
      const found = await stat(file).catch(() => null);
      if (found !== null && nowMs - found.mtimeMs > STALE_LOCK_MS) await rm(file, { force: true });
    }
  }
}

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

function parseCommit(record: string): Commit {
  const [
    sha = "",
    tree = "",
    parents = "",
    authorName = "",
    authorEmail = "",
    authorDate = "",
    name = "",
    email = "",
    date = "",
    ...message
  ] = record.split("\n");
  return {
    sha,
    tree,
    parents: parents.split(" ").filter(Boolean),
    author: { name: authorName, email: authorEmail, date: authorDate },
    committer: { name, email, date },
    message: message.join("\n").replace(/\n+$/, ""),
  };
}

function parseTree(bytes: Uint8Array): TreeEntry[] {
  const records = new TextDecoder().decode(bytes).split("\0").filter(Boolean);
  return records.map((record) => {
    const tab = record.indexOf("\t");
    const [mode = "", type, sha = "", size] = record.slice(0, tab).split(/ +/);
    return {
      mode,
      type: type === "tree" || type === "commit" ? type : "blob",
      sha,
      size: Number(size) || 0,
      path: record.slice(tab + 1),
    };
  });
}
