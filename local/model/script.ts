// The language scripts are written in. A run of one role is a generator: it yields what the model does next and gets back what
// the tool answered, so a script reads like the work it plays and can react to what it sees.
//
//   export default ticket("OMA-1", {
//     *tester() {
//       const tests = yield bash("bun test");
//       yield finish({ verdict: allPassed(tests) ? "pass" : "fail", ... });
//     },
//   });
//
//   S1. A script has no memory and no world: same scene, same outcomes, same steps. The player replays it from the start for
//       every request, which is what makes retries and restarts safe.
//   S2. One step is one answer of the model, and holds at most one tool call.
import type { Role, RoleResult } from "./roles.ts";

/** What a script knows when its run begins. `prompt` is the runner's text after the marker line: quoted, never obeyed. */
export interface Scene {
  readonly role: Role;
  readonly ticket: string;
  readonly round: number;
  readonly prompt: string;
}

/** What a tool answered. */
export interface Outcome {
  readonly text: string;
  readonly isError: boolean;
}

export type ToolName = "Bash" | "Read" | "Write" | "Edit" | "Grep" | "Glob";

/** A way to misbehave. `times` is how often before the script goes on; without it, every time. */
export type Fault =
  | { readonly kind: "status"; readonly status: 400 | 401 | 429 | 500 | 529; readonly retryAfterS?: number }
  | { readonly kind: "stall" } // opens the stream and then says nothing until the client leaves
  | { readonly kind: "cut" } // hangs up in the middle of the answer
  | { readonly kind: "nonsense" } // a result no schema accepts, or text that means nothing
  | { readonly kind: "empty" }; // a well-formed answer with nothing in it

export type Step<Result = unknown> =
  | { readonly kind: "use"; readonly tool: ToolName; readonly input: Readonly<Record<string, unknown>>; readonly say?: string }
  | { readonly kind: "finish"; readonly result: Result; readonly say?: string }
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "fault"; readonly fault: Fault; readonly times?: number };

export type Run<R extends Role> = Generator<Step<RoleResult<R>>, void, Outcome>;
export type Act<R extends Role> = (scene: Scene) => Run<R>;
/** Helpers that yield steps of their own are called with `yield*`; what they return is theirs to say. */
export type Part<Value = void> = Generator<Step<never>, Value, Outcome>;

/** One act a role, or one a round: the last of them plays every later round too. A role left out plays the generic script. */
export type Acts = { readonly [R in Role]?: Act<R> | readonly [Act<R>, ...Act<R>[]] };

export interface TicketScript {
  readonly ticket: string;
  readonly acts: Acts;
}

/** The script of one ticket, the default export of its file. */
export function ticket(key: string, acts: Acts): TicketScript {
  return { ticket: key, acts };
}

/** Runs a shell command in the working copy. Claude Code refuses what the role is not allowed to run. */
export function bash(command: string, say?: string): Step<never> {
  return { kind: "use", tool: "Bash", input: { command, description: command.slice(0, 80) }, ...spoken(say) };
}

/** Reads a file; the path is relative to the working copy. */
export function read(path: string, say?: string): Step<never> {
  return { kind: "use", tool: "Read", input: { file_path: path }, ...spoken(say) };
}

/** Replaces one exact passage of a file that was read before. */
export function edit(path: string, oldText: string, newText: string, say?: string): Step<never> {
  return { kind: "use", tool: "Edit", input: { file_path: path, old_string: oldText, new_string: newText }, ...spoken(say) };
}

/**
 * Makes the file have this content. Safe to repeat: Claude Code refuses to overwrite a file it has not read, which is what
 * happens when an earlier attempt already pushed it, so a refusal is answered by reading the file and writing once more.
 */
export function* write(path: string, content: string, say?: string): Part<Outcome> {
  const put: Step<never> = { kind: "use", tool: "Write", input: { file_path: path, content } };
  const first = yield { ...put, ...spoken(say) };
  if (!first.isError) return first;
  yield read(path);
  return yield put;
}

/** Ends the run with its structured result. */
export function finish<Result>(result: Result, say?: string): Step<Result> {
  return { kind: "finish", result, ...spoken(say) };
}

/** Ends the run with plain text and no result. */
export function say(text: string): Step<never> {
  return { kind: "say", text };
}

/** Misbehaves at this point of the script, `times` times or for ever. */
export function fault(what: Fault, times?: number): Step<never> {
  return { kind: "fault", fault: what, ...(times === undefined ? {} : { times }) };
}

/** True when `bun test` really ran and nothing failed: its summary says "0 fail" and at least one test passed. */
export function allPassed(tests: Outcome): boolean {
  return !tests.isError && /^\s*[1-9]\d* pass$/m.test(tests.text) && /^\s*0 fail$/m.test(tests.text);
}

/** The last lines of an output, for evidence a person will read. */
export function tail(outcome: Outcome, lines = 12): string {
  return outcome.text.trimEnd().split("\n").slice(-lines).join("\n").slice(-2_000);
}

function spoken(text: string | undefined): { readonly say?: string } {
  return text === undefined ? {} : { say: text };
}
