// Reads the JSON arguments of a syscall. The other side is the convex package, so a surprise here is a version mismatch:
// it fails with the operation's name rather than guessing.
import type { JsonObject, JsonValue } from "../engine/index.ts";
import { canonicalPath } from "./function-path.ts";
import type { FunctionAddress } from "./functions.ts";

export class SyscallArgs {
  readonly #fields: JsonObject;

  constructor(
    readonly op: string,
    json: string,
  ) {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error(`${op}: expected an object.`);
    this.#fields = parsed as JsonObject;
  }

  /** @throws when the field is missing */
  value(name: string): JsonValue {
    const value = this.#fields[name];
    if (value === undefined) throw new Error(`${this.op}: \`${name}\` is missing.`);
    return value;
  }

  optional(name: string): JsonValue | undefined {
    return this.#fields[name];
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value !== "string") throw new Error(`${this.op}: \`${name}\` must be a string, got ${typeof value}.`);
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.#fields[name];
    return typeof value === "string" ? value : undefined;
  }

  number(name: string): number {
    const value = this.value(name);
    if (typeof value !== "number") throw new Error(`${this.op}: \`${name}\` must be a number, got ${typeof value}.`);
    return value;
  }

  optionalNumber(name: string): number | null {
    const value = this.#fields[name];
    return typeof value === "number" ? value : null;
  }

  object(name: string): JsonObject {
    const value = this.value(name);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Error(`${this.op}: \`${name}\` must be an object.`);
    }
    return value;
  }
}

const HANDLE_PREFIX = "function://";
const CHILD_PREFIX = "_reference/childComponent/";

/** What `createFunctionHandle` answers: stable across pushes, and good in every component. */
export const functionHandle = (component: string, canonicalPath: string): string =>
  `${HANDLE_PREFIX}${component};${canonicalPath}`;

/**
 * The function a call is addressed to: by name (the caller's own), by handle (anybody's), or by reference (a child's).
 * @param caller path of the component that calls; "" is the app itself
 * @throws {Error} on an address this deployment cannot read
 */
export function addressOf(args: SyscallArgs, caller: string): FunctionAddress & { readonly reach: "internal" | "exported" } {
  const name = args.optionalText("name");
  if (name !== undefined) return { component: caller, path: canonicalPath(name), reach: "internal" };
  const handle = args.optionalText("functionHandle");
  const at = handle?.indexOf(";") ?? -1;
  if (handle?.startsWith(HANDLE_PREFIX) && at !== -1) {
    return { component: handle.slice(HANDLE_PREFIX.length, at), path: canonicalPath(handle.slice(at + 1)), reach: "internal" };
  }
  const reference = args.optionalText("reference");
  const [child, ...steps] = reference?.startsWith(CHILD_PREFIX) ? reference.slice(CHILD_PREFIX.length).split("/") : [];
  const fn = steps.pop();
  if (child === undefined || fn === undefined || steps.length === 0) {
    throw new Error(`${args.op}: ${JSON.stringify(handle ?? reference ?? null)} is not the address of a function.`);
  }
  return { component: childPath(caller, child), path: canonicalPath(`${steps.join("/")}:${fn}`), reach: "exported" };
}

/** Path of a component mounted by another one (or by the app: ""). */
export const childPath = (parent: string, name: string): string => (parent === "" ? name : `${parent}/${name}`);
