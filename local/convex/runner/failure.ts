// How a failed function call is told: to a parent function, to a client, to the log.
// Message parity with Convex, not frame parity: JavaScriptCore's stacks differ from V8's.
import type { JsonValue } from "../engine/index.ts";
import { randomWord } from "./entropy.ts";

/** An error of the server's own making that a function's caller may read as it is. */
export class FunctionError extends Error {
  override readonly name: string = "FunctionError";
  constructor(
    /** Complete text, as it stands after "Server Error\n". */
    readonly description: string,
    readonly data?: JsonValue,
  ) {
    super(description);
  }
}

/** What a failed call leaves behind. `dataJson` is the encoded `ConvexError.data`, when there is one. */
export interface Failure {
  readonly description: string;
  readonly dataJson: string | null;
}

const CONVEX_ERROR = Symbol.for("ConvexError");

/** The 16 hex digits Convex puts into messages and logs. */
export const newRequestId = (): string => eightHex() + eightHex();

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function eightHex(): string {
  const word = randomWord();
  return `${HEX_BYTES[word >>> 24]}${HEX_BYTES[(word >>> 16) & 255]}${HEX_BYTES[(word >>> 8) & 255]}${HEX_BYTES[word & 255]}`;
}

/** Bounds of what a failure tells: a client has to carry it, and so does the log. Characters. */
const MAX_DESCRIPTION = 64 * 1024;
const MAX_DATA = 1024 * 1024;

/**
 * Turns whatever user code threw into a failure. Never throws, whatever the thrown thing does when it is looked at.
 * @param moduleDir folder the functions were loaded from; frames outside it are left out of the trace.
 */
export function failureOf(thrown: unknown, moduleDir: string): Failure {
  try {
    const { description, dataJson } = told(thrown, moduleDir);
    if (dataJson !== null && dataJson.length > MAX_DATA) {
      return { description: `Uncaught Error: The data of a ConvexError is too large (limit: ${MAX_DATA} bytes)`, dataJson: null };
    }
    return { description: cut(description), dataJson };
  } catch {
    return { description: `Uncaught ${UNSHOWABLE}`, dataJson: null };
  }
}

const cut = (text: string): string =>
  text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION)} (truncated due to length)`;

function told(thrown: unknown, moduleDir: string): Failure {
  if (thrown instanceof FunctionError) {
    return { description: thrown.description, dataJson: thrown.data === undefined ? null : JSON.stringify(thrown.data) };
  }
  if (typeof thrown !== "object" || thrown === null) return { description: `Uncaught ${describe(thrown)}`, dataJson: null };
  const error = thrown as { name?: unknown; message?: unknown; stack?: unknown; data?: unknown };
  const name = typeof error.name === "string" && error.name !== "" ? error.name : "Error";
  const head = typeof error.message === "string" ? `${name}: ${error.message}` : describe(thrown);
  const frames = typeof error.stack === "string" ? userFrames(error.stack, moduleDir) : "";
  return { description: `Uncaught ${head}${frames}`, dataJson: convexErrorData(thrown, error.data) };
}

// The package has already replaced `.data` by its JSON text when the error leaves a function (facts, pitfall 10).
function convexErrorData(thrown: object, data: unknown): string | null {
  if (!(CONVEX_ERROR in thrown)) return null;
  return typeof data === "string" ? data : "null";
}

const UNSHOWABLE = "an object that cannot be shown as text";

function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return UNSHOWABLE;
  }
}

function userFrames(stack: string, moduleDir: string): string {
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    const match = /^\s*at (?:(.*) \()?(.*?):(\d+):(\d+)\)?$/.exec(line);
    const file = match?.[2];
    if (match === null || file === undefined || !file.startsWith(moduleDir)) continue;
    const place = `../convex/${file.slice(moduleDir.length).replace(/^\/+/, "")}:${match[3]}:${match[4]}`;
    frames.push(`\n    at ${match[1] ? `${match[1]} (${place})` : place}`);
    if (frames.length === 10) break;
  }
  return frames.join("");
}

/** The text a client receives. */
export const clientMessage = (failure: Failure, requestId: string): string =>
  `[Request ID: ${requestId}] Server Error\n${failure.description}`;

/** The error a parent function sees; the package turns it into an `Error` or a `ConvexError` by its `data`. */
export function nestedError(failure: Failure): Error {
  const error = new Error(failure.description);
  if (failure.dataJson === null) return error;
  return Object.assign(error, { data: JSON.parse(failure.dataJson) as JsonValue });
}
