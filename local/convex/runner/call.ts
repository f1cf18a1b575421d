// One running function call, found through AsyncLocalStorage from anywhere inside it.
//   C1. Everything a call can see of its surroundings (time, randomness, env, console, syscalls) hangs on its Call.
//   C2. A call that ended (returned, failed, ran out of time) can do nothing more: its later syscalls throw.
import { AsyncLocalStorage } from "node:async_hooks";
import type { LogLines } from "./log-lines.ts";
import type { SeededRandom } from "./random.ts";
import { runningFunctions } from "./running-functions.ts";

/** The three entry points of the package's global `Convex`. */
export interface Syscalls {
  /** @throws {Error} whose message the user's function sees */
  sync(op: string, argsJson: string): string;
  async(op: string, argsJson: string): Promise<string>;
  /** Operations that take and give objects instead of JSON. */
  js(op: string, args: Readonly<Record<string, unknown>>): unknown;
}

export interface Surroundings {
  /** Path of the outermost function, for messages. */
  readonly functionPath: string;
  readonly lines: LogLines;
  readonly env: Readonly<Record<string, string>>;
  readonly syscalls: Syscalls;
  /** Globals this call assigned (some libraries do); nobody else sees them. */
  assignedGlobals: Map<string, unknown> | null;
}

/** A query or a mutation: time stands still, randomness is seeded, the outside world is closed. */
export interface TransactionCall extends Surroundings {
  readonly kind: "query" | "mutation";
  readonly frozenMs: number;
  readonly random: SeededRandom;
}

/** An action or HTTP action: real time, real network. */
export interface ActionCall extends Surroundings {
  readonly kind: "action";
}

/** Module evaluation while a bundle is loaded: no syscalls, real time. */
export interface ImportCall extends Surroundings {
  readonly kind: "import";
}

export type Call = TransactionCall | ActionCall | ImportCall;

const calls = new AsyncLocalStorage<Call>();

/** Module evaluation does not inherit the async context of its `import()` (Bun 1.4), so it is found here. */
let importing: ImportCall | undefined;
let imports: Promise<unknown> = Promise.resolve();

/** The call this code runs for, or undefined in the server itself. */
export const currentCall = (): Call | undefined => calls.getStore() ?? importing;

/** Evaluates modules as part of `call`, one `load` at a time in the whole process. */
export function importInCall<T>(call: ImportCall, load: () => Promise<T>): Promise<T> {
  const done = imports.then(async () => {
    importing = call;
    const end = runningFunctions.enter(call.functionPath, null);
    try {
      return await load();
    } finally {
      end();
      importing = undefined;
    }
  });
  imports = done.catch(() => {});
  return done;
}

/** Runs `work`, and everything it awaits, as part of `call`. */
export const runInCall = <T>(call: Call, work: () => T): T => calls.run(call, work);

/** Runs `work` outside any call: for server code reached from inside one (the loop, timers). */
export const runOutsideCalls = <T>(work: () => T): T => calls.exit(work);

/** The call when it is a query or a mutation. */
export function currentTransactionCall(): TransactionCall | undefined {
  const call = calls.getStore();
  return call?.kind === "query" || call?.kind === "mutation" ? call : undefined;
}

/** Syscalls of code that is not a function call at all. */
export const NO_SYSCALLS: Syscalls = {
  sync: (op) => {
    throw new Error(`${op} is not available while modules are loaded: call it inside a function.`);
  },
  async: async (op) => {
    throw new Error(`${op} is not available while modules are loaded: call it inside a function.`);
  },
  js: (op) => {
    throw new Error(`${op} is not available while modules are loaded: call it inside a function.`);
  },
};
