// The functions a deployment can run: what is known about each, and how one is looked up.
import type { HttpRouter } from "convex/server";
import type { AuthProvider } from "../auth/providers.ts";
import type { JsonValue, Validator } from "../engine/index.ts";
import type { CronSpec } from "../scheduler/cron-schedule.ts";
import { FunctionError } from "./failure.ts";
import { canonicalPath, shownPath, storedPath } from "./function-path.ts";

export type FunctionKind = "query" | "mutation" | "action";

export interface RegisteredFunction {
  /** Canonical: `dir/module:fn`. */
  readonly path: string;
  readonly kind: FunctionKind;
  /** `system` functions are the server's own (`_system/...`), for holders of the admin key. */
  readonly visibility: "public" | "internal" | "system";
  /** null: anything goes. */
  readonly args: Validator | null;
  readonly returns: Validator | null;
  /** Must run inside a Call. `argsJson` is a JSON array with one object; the answer is JSON. */
  readonly invoke: (argsJson: string) => Promise<string>;
}

/** One pushed version of the app's code, loaded and ready. */
export interface CodeVersion {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly router: HttpRouter | null;
  readonly crons: readonly CronSpec[];
  readonly authProviders: readonly AuthProvider[];
  readonly schema: JsonValue | null;
  /** Folder the modules were loaded from; used to shorten stack traces. */
  readonly dir: string;
  /** `process.env` of every function in this version. */
  readonly env: Readonly<Record<string, string>>;
}

const HINT = "Did you forget to run `npx convex dev` or `npx convex deploy`?";

/** Who is asking: clients see public functions only, the app itself also internal ones, an admin everything. */
export type Reach = "public" | "internal" | "admin";

/**
 * Finds a function by name. An internal function is reported to clients exactly like a missing one.
 * @param kind what the caller wants to run it as; null for "any"
 * @throws {FunctionError} missing, not reachable, or of another kind
 */
export function findFunction(
  functions: ReadonlyMap<string, RegisteredFunction>,
  path: string,
  kind: FunctionKind | null,
  reach: Reach,
): RegisteredFunction {
  const canonical = canonicalPath(path);
  const found = functions.get(canonical);
  if (found === undefined || !isReachable(found, reach)) {
    const adjective = reach === "public" ? "public " : "";
    throw new FunctionError(`Could not find ${adjective}function for '${shownPath(canonical)}'. ${HINT}`);
  }
  if (kind !== null && found.kind !== kind) {
    throw new FunctionError(
      `Trying to execute ${storedPath(canonical)} as ${capital(kind)}, but it is defined as ${capital(found.kind)}.`,
    );
  }
  return found;
}

function isReachable(found: RegisteredFunction, reach: Reach): boolean {
  switch (found.visibility) {
    case "public":
      return true;
    case "internal":
      return reach !== "public";
    case "system":
      return reach === "admin";
    default:
      return found.visibility satisfies never;
  }
}

const capital = (kind: FunctionKind): string => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
