// Gives every function call its own view of the process's globals.
//   G1. Each replaced global looks up the current call when it is *used*, so a reference captured at import time is right too.
//   G2. Assigning one of these globals inside a call changes it for that call only (libraries do assign them).
//   G3. Outside calls everything behaves as if this file did not exist.
//   G4. The language's own objects cannot be replaced at all: the server's code uses them too.
import { currentCall, currentTransactionCall } from "./call.ts";
import { consoleFor } from "./log-lines.ts";
import { nowMs, RealDate, RealMath, realConsole, realCrypto, realFetch, realProcess } from "./real-globals.ts";

/** Not `Date` and `Math`: those are per call (G2). */
const INTRINSICS = [
  ...["JSON", "Object", "Array", "Function", "String", "Number", "Boolean", "BigInt", "Symbol", "RegExp", "Reflect", "Proxy"],
  ...["Promise", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Error", "TypeError", "RangeError", "SyntaxError"],
  ...["ArrayBuffer", "DataView", "Uint8Array", "Int32Array", "Atomics"],
];

let installed = false;

/** Safe to repeat: only the first call in a process does anything. */
export function installGlobals(): void {
  if (installed) return;
  installed = true;
  perCall("Date", callDate());
  perCall("Math", callMath());
  perCall(
    "console",
    consoleFor(() => currentCall()?.lines ?? null, realConsole),
  );
  perCall("process", callProcess());
  perCall("crypto", callCrypto());
  perCall("performance", callPerformance());
  perCall("fetch", closedInTransactions("fetch()", realFetch));
  for (const name of ["setTimeout", "setInterval", "setImmediate"] as const) {
    perCall(name, closedInTransactions(name, globalThis[name]));
  }
  for (const name of INTRINSICS) Object.defineProperty(globalThis, name, { writable: false, configurable: false }); // G4
  Object.defineProperty(globalThis, "Convex", {
    configurable: true,
    get: () => (currentCall() === undefined ? undefined : convexGlobal),
  });
}

const convexGlobal = {
  syscall: (op: string, argsJson: string): string => callOrThrow(op).syscalls.sync(op, argsJson),
  asyncSyscall: (op: string, argsJson: string): Promise<string> => callOrThrow(op).syscalls.async(op, argsJson),
  jsSyscall: (op: string, args: Readonly<Record<string, unknown>>): unknown => callOrThrow(op).syscalls.js(op, args),
};

function callOrThrow(op: string) {
  const call = currentCall();
  if (call === undefined) throw new Error(`${op} was called outside a Convex function.`);
  return call;
}

function perCall(name: string, shared: unknown): void {
  let outsideCalls = shared;
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: false,
    get: () => {
      const assigned = currentCall()?.assignedGlobals;
      return assigned?.has(name) ? assigned.get(name) : outsideCalls;
    },
    set: (value: unknown) => {
      const call = currentCall();
      if (call === undefined) outsideCalls = value;
      else {
        call.assignedGlobals ??= new Map();
        call.assignedGlobals.set(name, value);
      }
    },
  });
}

function callDate(): DateConstructor {
  const now = (): number => currentTransactionCall()?.frozenMs ?? nowMs();
  // A plain function, not a class: `Date()` without `new` answers a string.
  function CallDate(this: unknown, ...args: unknown[]): unknown {
    if (new.target === undefined) return new RealDate(now()).toString();
    const target = new.target === CallDate ? RealDate : new.target;
    return Reflect.construct(RealDate, args.length === 0 ? [now()] : args, target);
  }
  const date = Object.assign(CallDate, { now, parse: RealDate.parse, UTC: RealDate.UTC });
  Object.defineProperty(date, "name", { value: "Date" });
  Object.defineProperty(date, "length", { value: 7 });
  Object.defineProperty(date, "prototype", { value: RealDate.prototype, writable: false });
  Object.defineProperty(RealDate.prototype, "constructor", { value: date, writable: true, configurable: true });
  return date as unknown as DateConstructor;
}

function callMath(): Math {
  const math: Math = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(RealMath));
  const random = RealMath.random;
  math.random = () => currentTransactionCall()?.random.unit() ?? random();
  return math;
}

function callProcess(): NodeJS.Process {
  const forbidden = new Set<PropertyKey>(["exit", "abort", "kill", "chdir", "reallyExit"]);
  return new Proxy(realProcess, {
    get: (target, property) => {
      const call = currentCall();
      const value: unknown = Reflect.get(target, property, target);
      if (call === undefined) return value;
      if (property === "env") return call.env;
      if (forbidden.has(property)) {
        return () => {
          throw new Error(`process.${String(property)}() is not available in Convex functions.`);
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function callCrypto(): Crypto {
  const seeded = {
    getRandomValues: <T extends NodeJS.TypedArray>(array: T): T => {
      const call = currentTransactionCall();
      if (call === undefined) return realCrypto.getRandomValues(array as never);
      call.random.fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return array;
    },
    randomUUID: () => currentTransactionCall()?.random.uuid() ?? realCrypto.randomUUID(),
  };
  return new Proxy(realCrypto, {
    get: (target, property) => {
      if (property === "getRandomValues") return seeded.getRandomValues;
      if (property === "randomUUID") return seeded.randomUUID;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function callPerformance(): Performance {
  return new Proxy(performance, {
    get: (target, property) => {
      if (property === "now" && currentTransactionCall() !== undefined) return () => 0;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function closedInTransactions<F extends (...args: never[]) => unknown>(name: string, real: F): F {
  return new Proxy(real, {
    apply: (target, self, args) => {
      if (currentTransactionCall() !== undefined) {
        throw new Error(
          `Can't use ${name} in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.`,
        );
      }
      return Reflect.apply(target, self, args);
    },
  });
}
