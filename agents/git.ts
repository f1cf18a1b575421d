// Our own calls of git: a private repository folder whose configuration is ours alone, and a work tree that strangers write to.
//   G1. Nothing of the work tree, of its `.git`, or of this machine configures these calls: the repository folder is not the
//       agent's, and its configuration is written anew before every call.
//   G2. No hook, filter, fsmonitor, pager, editor, ssh command or submodule ever runs; only http and https are spoken.
//   G3. The token reaches git in its environment, for calls to the remote only, and only for the remote's own address. It is in no
//       argument, no file and no address.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RunFailure } from "./ending.ts";
import { type Ran, run } from "./processes.ts";

export interface GitSettings {
  /** Holds the private repository and git's home; made by `open`. */
  readonly folder: string;
  readonly workTree: string;
  readonly remoteUrl: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly path: string;
  /** A token that is good now. */
  readonly token: () => Promise<string>;
}

const LOCAL_TIMEOUT_MS = 120_000;
const REMOTE_TIMEOUT_MS = 600_000;

/** The whole configuration of the private repository, as of the agent's copy of it. */
export const CLEAN_CONFIG =
  "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfilemode = true\n\tlogallrefupdates = true\n";

/** Prints what git asks for. The token is read from the environment of this one call. */
const CREDENTIAL_HELPER =
  '!f() { test "$1" = get && printf "username=x-access-token\\npassword=%s\\n" "$OMAKASE_GIT_TOKEN"; }; f';

const FIXED: readonly (readonly [string, string])[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.sshCommand", "false"],
  ["core.editor", "false"],
  ["core.pager", "cat"],
  ["core.autocrlf", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["core.protectNTFS", "true"],
  ["core.protectHFS", "true"],
  ["core.quotePath", "false"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["push.recurseSubmodules", "no"],
  ["commit.gpgSign", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["protocol.allow", "never"],
  ["protocol.http.allow", "always"],
  ["protocol.https.allow", "always"],
  ["advice.detachedHead", "false"],
  ["credential.helper", ""], // empties the list, so that no other helper is asked
];

export class Git {
  private constructor(
    private readonly settings: GitSettings,
    readonly gitDir: string,
    private readonly home: string,
  ) {}

  static async open(settings: GitSettings): Promise<Git> {
    const [gitDir, home] = [join(settings.folder, "repository"), join(settings.folder, "git-home")];
    await Promise.all([mkdir(home, { recursive: true }), mkdir(settings.workTree, { recursive: true })]);
    await Promise.all(
      ["objects/info", "objects/pack", "refs/heads", "info"].map((part) => mkdir(join(gitDir, part), { recursive: true })),
    );
    await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/nothing-yet\n");
    return new Git(settings, gitDir, home);
  }

  /** A call that stays on this machine. @throws {RunFailure} infrastructure, when it fails */
  async local(
    args: readonly string[],
    options: { readonly input?: string; readonly signal?: AbortSignal } = {},
  ): Promise<string> {
    const ran = await this.tryLocal(args, options);
    if (ran.exitCode !== 0) throw gitFailed(args, ran);
    return ran.stdout.trimEnd();
  }

  /** The same for a call whose failure is an answer. */
  async tryLocal(
    args: readonly string[],
    options: { readonly input?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Ran> {
    return this.#run(args, this.#environment([]), LOCAL_TIMEOUT_MS, options);
  }

  /** A call that speaks to the remote, with the token (G3). Its failure is an answer. */
  async tryRemote(args: readonly string[], signal?: AbortSignal): Promise<Ran> {
    const { origin } = new URL(this.settings.remoteUrl);
    const env = {
      ...this.#environment([
        [`credential.${origin}.helper`, CREDENTIAL_HELPER],
        ["http.lowSpeedLimit", "1000"],
        ["http.lowSpeedTime", "60"],
      ]),
      OMAKASE_GIT_TOKEN: await this.settings.token(),
    };
    return this.#run(args, env, REMOTE_TIMEOUT_MS, signal ? { signal } : {});
  }

  async #run(
    args: readonly string[],
    env: Record<string, string>,
    timeoutMs: number,
    options: { readonly input?: string; readonly signal?: AbortSignal },
  ): Promise<Ran> {
    await this.#writeConfiguration();
    return run(["git", ...args], { cwd: this.settings.workTree, env, timeoutMs, ...options });
  }

  /** G1. */
  async #writeConfiguration(): Promise<void> {
    await Promise.all([
      writeFile(join(this.gitDir, "config"), CLEAN_CONFIG),
      // Dependencies are no part of anybody's change, also where the repository forgot to say so.
      writeFile(join(this.gitDir, "info/exclude"), "node_modules/\n"),
      ...["config.worktree", "info/attributes", "info/grafts", "hooks", "commondir", "objects/info/alternates"].map((name) =>
        rm(join(this.gitDir, name), { recursive: true, force: true }),
      ),
    ]);
  }

  #environment(more: readonly (readonly [string, string])[]): Record<string, string> {
    const { author, path, workTree } = this.settings;
    const pairs = [...FIXED, ["user.name", author.name] as const, ["user.email", author.email] as const, ...more];
    return {
      PATH: path,
      HOME: this.home,
      LANG: "C.UTF-8",
      GIT_DIR: this.gitDir,
      GIT_WORK_TREE: workTree,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "false",
      GIT_LFS_SKIP_SMUDGE: "1",
      GIT_LITERAL_PATHSPECS: "1",
      GIT_CONFIG_COUNT: String(pairs.length),
      ...Object.fromEntries(
        pairs.flatMap(([key, value], index) => [
          [`GIT_CONFIG_KEY_${index}`, key],
          [`GIT_CONFIG_VALUE_${index}`, value],
        ]),
      ),
    };
  }
}

/** What git said, in one line. */
export const complaintOf = ({ stderr, stdout, isTimedOut }: Ran): string =>
  isTimedOut ? "it took too long" : (stderr.trim() || stdout.trim() || "it gave no reason").replace(/\s+/g, " ").slice(-600);

const gitFailed = (args: readonly string[], ran: Ran): RunFailure =>
  new RunFailure("infrastructure", "git-failed", `git ${args[0] ?? ""} failed: ${complaintOf(ran)}`);
