// Reads the JSON arguments of a syscall. The other side is the convex package, so a surprise here is a version mismatch:
// it fails with the operation's name rather than guessing.
import type { JsonObject, JsonValue } from "../engine/index.ts";

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

const HANDLE_PREFIX = "function://;";

/** What `createFunctionHandle` answers for a function of the app itself. */
export const functionHandle = (canonicalPath: string): string => `${HANDLE_PREFIX}${canonicalPath}`;

/**
 * The function a call is addressed to: by name or by handle.
 * @throws {Error} for references into components, which this deployment does not run yet
 */
export function addressOf(args: SyscallArgs): string {
  const name = args.optionalText("name");
  if (name !== undefined) return name;
  const handle = args.optionalText("functionHandle");
  if (handle?.startsWith(HANDLE_PREFIX)) return handle.slice(HANDLE_PREFIX.length);
  const reference = handle ?? args.optionalText("reference") ?? "nothing";
  throw new Error(`${args.op}: components are not supported by this deployment yet (called ${reference}).`);
}
