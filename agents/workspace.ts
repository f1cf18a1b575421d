// The working copy of one run: fetched, on its branch, handed to the agent, taken back, committed and pushed.
//   W1. A branch that is there is continued; only a new one starts from the default branch, or from its single base, with the other
//       bases merged in.
//   W2. What the agent did to its own `.git` counts for nothing: commits are made from the files alone, in our own repository (git.ts).
//   W3. A push moves the branch only from where this run saw it, and counts once the remote says so itself.
//   W4. Nothing but `agent/<feature>` is ever pushed.

import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { visible } from "./bounded-text.ts";
import { RunFailure } from "./ending.ts";
import type { EventLog } from "./events.ts";
import { CLEAN_CONFIG, complaintOf, Git } from "./git.ts";

export interface WorkspaceSettings {
  /** A folder of this run alone. */
  readonly folder: string;
  readonly repository: {
    readonly url: string;
    readonly defaultBranch: string;
    readonly branch: string;
    readonly bases: readonly string[];
  };
  /** Who commits: the role's name. */
  readonly role: string;
  readonly path: string;
  readonly token: () => Promise<string>;
  readonly log: EventLog;
}

/** Enough to find where branches part in all but old ones; those fetch the rest. */
const DEPTH = 200;
const MAX_NAMED_CONFLICTS = 20;
const PUSH_TRIES = 3;

export class Workspace {
  private constructor(
    readonly files: string,
    private readonly settings: WorkspaceSettings,
    private readonly git: Git,
    /** Where the branch was at the remote when this run began; null when it was not. */
    private remoteSha: string | null,
    /** Where the work starts: the agent sees this. */
    readonly startSha: string,
    /** Where the branch parts from what it is compared with. */
    readonly baseSha: string,
  ) {}

  /** @throws {RunFailure} */
  static async prepare(settings: WorkspaceSettings, signal: AbortSignal): Promise<Workspace> {
    const { folder, repository, role, path, token, log } = settings;
    const files = join(folder, "repo");
    const git = await Git.open({
      ...{ folder: join(folder, "private"), workTree: files, remoteUrl: repository.url, path, token },
      author: { name: `Omakase ${role}`, email: `${role}@agents.omakase.dev` },
    });
    const remote = await remoteBranches(git, settings, signal);
    const bases = repository.bases.filter((base) => {
      if (remote.has(base)) return true;
      log.note("prepare.base", `The base ${base} is not at the remote any more: it counts as merged.`, "warn");
      return false;
    });
    const defaultSha = remote.get(repository.defaultBranch);
    if (defaultSha === undefined) {
      throw new RunFailure(
        "infrastructure",
        "no-default-branch",
        `The repository has no branch "${repository.defaultBranch}": push a first commit, or correct the project's default branch.`,
      );
    }
    const remoteSha = remote.get(repository.branch) ?? null;
    const wanted = [...new Set([repository.defaultBranch, ...bases, ...(remoteSha === null ? [] : [repository.branch])])];
    await fetchBranches(git, repository.url, wanted, signal);
    log.note("prepare.clone", `Fetched ${wanted.join(", ")}`, "info", { branches: wanted });

    // A branch with one base is compared with that one, as its pull request will be.
    const [first = repository.defaultBranch, ...others] = bases;
    await git.local(["checkout", "--quiet", "-B", repository.branch, ref(remoteSha === null ? first : repository.branch)], {
      signal,
    });
    log.note(
      "prepare.branch",
      remoteSha === null ? `New branch ${repository.branch} from ${first}` : `Continuing ${repository.branch}`,
    );
    const startedFrom = await git.local(["rev-parse", "HEAD"]);
    if (remoteSha === null) for (const base of others) await mergeBase(git, settings, base, signal); // W1
    const startSha = await git.local(["rev-parse", "HEAD"]);
    // With several bases, what was merged before any work is what the work is compared with.
    const baseSha =
      remoteSha === null
        ? others.length > 0
          ? startSha
          : startedFrom
        : await partingOf(git, settings, [first, ...others], signal);
    await handOver(git, files, baseSha);
    return new Workspace(files, settings, git, remoteSha, startSha, baseSha);
  }

  /** Whether the branch had commits of its own when this run began. */
  get hasCommits(): boolean {
    return this.startSha !== this.baseSha;
  }

  /** Where the branch is at the remote; null when it is not there. */
  get remoteHead(): string | null {
    return this.remoteSha;
  }

  /** Whether there are commits of the work that the remote does not have. */
  async isAhead(): Promise<boolean> {
    const head = await this.git.local(["rev-parse", "HEAD"]);
    return head !== this.remoteSha && head !== this.startSha;
  }

  /** Subjects of the branch's own commits, newest first, at most `max`. Strangers' words. */
  async history(max: number): Promise<string> {
    return this.git.local(["log", `--max-count=${max}`, "--format=%h %s", `${this.baseSha}..HEAD`]);
  }

  /** Paths the branch changes, renamed ones under both names. */
  async changedPaths(): Promise<ReadonlySet<string>> {
    const listed = await this.git.local(["diff", "--name-only", "--no-renames", "-z", this.baseSha, "HEAD"]);
    return new Set(listed.split("\0").filter((path) => path !== ""));
  }

  /** A plain file as it was committed; null when there is none. A link is none: it could lead anywhere. */
  async committedFile(path: string): Promise<string | null> {
    const entry = await this.git.local(["ls-tree", this.startSha, "--", path]);
    const blob = /^100(?:644|755) blob ([0-9a-f]{40,64})\t/.exec(entry)?.[1];
    return blob === undefined ? null : this.git.local(["cat-file", "blob", blob]);
  }

  /** Whether an earlier try of the same agent has left commits on the branch. */
  async hasCommitsOf(agent: string): Promise<boolean> {
    const trailers = await this.git.local(["log", "--format=%(trailers:key=Omakase-Agent,valueonly)", `${this.baseSha}..HEAD`]);
    return trailers.split("\n").includes(agent);
  }

  /** Puts the files back to the commit; what the repository ignores (installed dependencies) stays. */
  async reset(signal?: AbortSignal): Promise<void> {
    await this.git.local(["reset", "--quiet", "--hard", "HEAD"], signal ? { signal } : {});
    await this.git.local(["clean", "-ffdq"], signal ? { signal } : {});
  }

  /** Commits every change of the files. Safe to repeat. @returns whether there was any (W2) */
  async commitAll(message: string): Promise<boolean> {
    await this.git.local(["add", "--all", "--", "."]);
    await this.#leaveOutNestedRepositories();
    const staged = await this.git.tryLocal(["diff", "--cached", "--quiet", "HEAD"]);
    if (staged.exitCode === 0) return false;
    await this.git.local(["commit", "--quiet", "--no-verify", "--cleanup=verbatim", "--file=-"], { input: message });
    return true;
  }

  /** Pushes the branch. Safe to repeat. @returns the head, as the remote has it (W3, W4) @throws {RunFailure} */
  async push(signal?: AbortSignal): Promise<string> {
    const { repository, log } = this.settings;
    const head = await this.git.local(["rev-parse", "HEAD"]);
    const target = `refs/heads/${repository.branch}`;
    const lease = `--force-with-lease=${target}:${this.remoteSha ?? ""}`;
    let complaint = "";
    for (let tries = 1; tries <= PUSH_TRIES && !signal?.aborted; tries += 1) {
      const pushed = await this.git.tryRemote(
        ["push", "--quiet", "--no-verify", lease, repository.url, `${head}:${target}`],
        signal,
      );
      // Asked also after a refusal: an answer may have been lost on the way.
      const standing = await this.git.tryRemote(["ls-remote", "--quiet", repository.url, target], signal);
      if (standing.exitCode === 0 && standing.stdout.split(/\s/)[0] === head) {
        this.remoteSha = head;
        log.note("push", `${repository.branch} is at ${head.slice(0, 10)}`, "info", { headSha: head });
        return head;
      }
      complaint = complaintOf(pushed.exitCode === 0 ? standing : pushed);
      log.note("push", `Push to ${repository.branch} did not go through: ${complaint}`, "warn", { try: tries });
      if (/stale info|\b40[13]\b|permission|denied/i.test(complaint)) break; // asking again changes nothing
      await Bun.sleep(500 * tries);
    }
    throw new RunFailure("infrastructure", "push-refused", `The branch ${repository.branch} could not be pushed: ${complaint}`);
  }

  /** A repository inside the repository would be committed as a link to nowhere. */
  async #leaveOutNestedRepositories(): Promise<void> {
    const staged = await this.git.local(["diff", "--cached", "--raw", "--no-renames", "-z", "HEAD"]);
    const fields = staged.split("\0");
    for (const [index, field] of fields.entries()) {
      const path = fields[index + 1];
      if (!/^:000000 160000 /.test(field) || path === undefined) continue;
      await this.git.local(["rm", "--cached", "--quiet", "--force", "--", path]);
      this.settings.log.note("push", `${visible(path)} is a repository of its own and was left out of the commit.`, "warn");
    }
  }
}

const ref = (branch: string): string => `refs/remotes/origin/${branch}`;

/** @returns branch → commit, of the ones asked about that exist @throws {RunFailure} */
async function remoteBranches(git: Git, { repository }: WorkspaceSettings, signal: AbortSignal): Promise<Map<string, string>> {
  const names = [repository.defaultBranch, repository.branch, ...repository.bases].map((name) => `refs/heads/${name}`);
  const ran = await git.tryRemote(["ls-remote", "--quiet", repository.url, ...names], signal);
  if (ran.exitCode !== 0)
    throw new RunFailure("infrastructure", "clone-refused", `${repository.url} cannot be read: ${complaintOf(ran)}`);
  const rows = ran.stdout.split("\n").map((line) => line.split("\t"));
  return new Map(
    rows.flatMap(([sha, name]) => (sha !== undefined && name?.startsWith("refs/heads/") ? [[name.slice(11), sha] as const] : [])),
  );
}

/** @throws {RunFailure} */
async function fetchBranches(
  git: Git,
  url: string,
  branches: readonly string[],
  signal: AbortSignal,
  depth = `--depth=${DEPTH}`,
): Promise<void> {
  const refspecs = branches.map((branch) => `+refs/heads/${branch}:${ref(branch)}`);
  const ran = await git.tryRemote(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", depth, url, ...refspecs], signal);
  if (ran.exitCode !== 0)
    throw new RunFailure("infrastructure", "clone-refused", `${url} cannot be fetched: ${complaintOf(ran)}`);
}

/** The rest of a history that was fetched in part; nothing to do when it is whole. */
async function deepen(
  git: Git,
  { repository }: WorkspaceSettings,
  branches: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if ((await git.local(["rev-parse", "--is-shallow-repository"])) === "true") {
    await fetchBranches(git, repository.url, branches, signal, "--unshallow");
  }
}

/** Where the branch parts from the first of the bases that has the most of it. @throws {RunFailure} */
async function partingOf(git: Git, settings: WorkspaceSettings, bases: readonly string[], signal: AbortSignal): Promise<string> {
  for (const prepare of [() => Promise.resolve(), () => deepen(git, settings, [settings.repository.branch, ...bases], signal)]) {
    await prepare();
    const found = await git.tryLocal(["merge-base", "--octopus", "HEAD", ...bases.slice(0, 1).map(ref)]);
    if (found.exitCode !== 0) continue;
    if (bases.length < 2) return found.stdout.trim();
    // Several bases were merged before the first piece of work: the newest commit that is only merging ends them.
    const merged = await git.local([
      "rev-list",
      "--merges",
      "--max-count=1",
      "--grep=^Omakase-Base: ",
      `${found.stdout.trim()}..HEAD`,
    ]);
    return merged === "" ? found.stdout.trim() : merged;
  }
  throw new RunFailure(
    "agent",
    "unrelated",
    `${settings.repository.branch} has no history in common with ${bases[0]}: delete that branch.`,
  );
}

/** @throws {RunFailure} of the agent's class, naming the files, when the two do not fit together */
async function mergeBase(git: Git, settings: WorkspaceSettings, base: string, signal: AbortSignal): Promise<void> {
  const common = await git.tryLocal(["merge-base", "HEAD", ref(base)]);
  if (common.exitCode !== 0) await deepen(git, settings, [settings.repository.defaultBranch, base], signal);
  const message = `Merge ${base} into ${settings.repository.branch}\n\nOmakase-Base: ${base}\n`;
  const merged = await git.tryLocal(["merge", "--quiet", "--no-edit", "--no-verify", "--no-ff", "-m", message, ref(base)], {
    signal,
  });
  if (merged.exitCode === 0) {
    settings.log.note("prepare.merge", `Merged ${base}`, "info", { base });
    return;
  }
  const conflicts = (await git.local(["diff", "--name-only", "--diff-filter=U", "-z"])).split("\0").filter((path) => path !== "");
  const named = conflicts.slice(0, MAX_NAMED_CONFLICTS).map(visible).join(", ");
  throw new RunFailure(
    "agent",
    "base-conflict",
    conflicts.length > 0
      ? `The branches this work builds on contradict each other: ${base} conflicts in ${named}. Merge one of them first.`
      : `${base} cannot be merged: ${complaintOf(merged)}`,
  );
}

/** Gives the agent a repository of its own to look into: a copy without a remote, a hook or a setting. */
async function handOver(git: Git, files: string, baseSha: string): Promise<void> {
  await git.local(["update-ref", "refs/tags/omakase-base", baseSha]);
  const theirs = join(files, ".git");
  await rm(theirs, { recursive: true, force: true });
  await cp(git.gitDir, theirs, { recursive: true });
  await mkdir(join(theirs, "info"), { recursive: true });
  await writeFile(join(theirs, "config"), CLEAN_CONFIG);
}

/** A name for the base that works in the agent's copy. */
export const BASE_NAME = "omakase-base";
