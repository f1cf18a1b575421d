// Starts git. Every git process of this server is started here, with an environment and settings of ours only.
//   G1. No hook, no user or system configuration, no replace ref and no pager of anybody's can act in a git process.
//   G2. Nothing a client chose is ever an option: callers put revisions they resolved or names they checked.
//   G3. Output is bounded; more than the bound kills the process and is an error.
import { dirname } from "node:path";
import { StartError } from "../errors.ts";

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Settings that hold for every repository, given on the command line so that no file in a repository can say otherwise. */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "safe.directory=*",
  "gc.auto=0",
  "receive.autogc=false",
  "receive.fsckObjects=true",
  "receive.hideRefs=refs/pull",
  "receive.advertiseAtomic=true",
  "receive.advertisePushOptions=false",
  "uploadpack.allowFilter=true",
  "uploadpack.allowReachableSHA1InWant=true",
  "diff.external=",
  "core.quotePath=false",
  "advice.detachedHead=false",
].flatMap((setting) => ["-c", setting]);

/** A git command that ended with a code nobody expected: a bug or a damaged repository, never a client's mistake. */
export class GitFailed extends Error {
  override readonly name = "GitFailed";
  readonly code = "GIT_FAILED";
  constructor(
    readonly command: string,
    readonly exitCode: number,
    readonly stderr: string,
  ) {
    super(`git ${command} ended with ${exitCode}: ${stderr.trim()}`);
  }
}

/** The answer of git was larger than the caller can use. */
export class OutputTooLarge extends Error {
  override readonly name = "OutputTooLarge";
  readonly code = "OUTPUT_TOO_LARGE";
}

export interface GitOptions {
  readonly stdin?: string | Uint8Array<ArrayBuffer> | Bun.BunFile;
  /** Exit codes that are an answer. @default [0] */
  readonly okCodes?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  /** @default 64 MiB */
  readonly maxOutputBytes?: number;
}

export interface GitResult {
  readonly code: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The output as text, without the last line break. */
  readonly text: string;
}

/** Runs git on bare repositories. One per server: it knows where git is and where its empty home lies. */
export class Git {
  readonly #program: string;
  readonly #env: Record<string, string>;

  /** @throws {StartError} when there is no git on this machine */
  constructor(emptyHome: string) {
    const program = Bun.which("git");
    if (program === null) throw new StartError("GIT_MISSING", "The program git (2.38 or newer) was not found; install it.");
    this.#program = program;
    this.#env = {
      PATH: `${dirname(program)}:/usr/bin:/bin`,
      HOME: emptyHome,
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_LITERAL_PATHSPECS: "1",
    };
  }

  /** Starts git with its output as a stream; the caller owns the process. */
  spawn(args: readonly string[], stdin: GitOptions["stdin"], env: Readonly<Record<string, string>> = {}) {
    return Bun.spawn([this.#program, ...SETTINGS, ...args], {
      stdin: stdin === undefined ? "ignore" : typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin,
      stdout: "pipe",
      stderr: "pipe",
      env: { ...this.#env, ...env },
    });
  }

  /** @throws {GitFailed} on an exit code not expected @throws {OutputTooLarge} */
  async run(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
    const child = this.spawn(args, options.stdin, options.env);
    const [bytes, stderr] = await Promise.all([
      collect(child.stdout, options.maxOutputBytes ?? MAX_OUTPUT_BYTES, () => child.kill("SIGKILL")),
      new Response(child.stderr).text(),
    ]);
    const code = await child.exited;
    if (bytes === null) throw new OutputTooLarge(`git ${args[2] ?? ""} answered more than can be used`);
    if (!(options.okCodes ?? [0]).includes(code)) throw new GitFailed(args.join(" "), code, stderr);
    return { code, bytes, text: new TextDecoder().decode(bytes).replace(/\n$/, "") };
  }
}

/** Reads a stream to its end; past the bound it calls `stop` and answers null. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  stop: () => void,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      stop();
      return null;
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
