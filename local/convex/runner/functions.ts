// The functions a deployment can run: what is known about each, and how one is looked up.
import type { HttpRouter } from "convex/server";
import { type Identity, isAdmin } from "../auth/identity.ts";
import type { AuthProvider } from "../auth/providers.ts";
import type { JsonValue, Validator } from "../engine/index.ts";
import type { CronSpec } from "../scheduler/cron-schedule.ts";
import { FunctionError } from "./failure.ts";
import { canonicalPath, shownPath, storedPath } from "./function-path.ts";

export type FunctionKind = "query" | "mutation" | "action";

/** A function by name, and the component it is looked for in. */
export interface FunctionAddress {
  /** Path of a mounted component, `workflow/workpool`; "" is the app itself. */
  readonly component: string;
  readonly path: string;
}

export interface RegisteredFunction {
  /** Canonical: `dir/module:fn`. */
  readonly path: string;
  /** The component it runs in: its tables, its environment. */
  readonly home: Mount;
  readonly kind: FunctionKind;
  /** `system` functions are the server's own (`_system/...`), for holders of the admin key. */
  readonly visibility: "public" | "internal" | "system";
  /** null: anything goes. */
  readonly args: Validator | null;
  readonly returns: Validator | null;
  /** Must run inside a Call. `argsJson` is a JSON array with one object; the answer is JSON. */
  readonly invoke: (argsJson: string) => Promise<string>;
}

/** The code of the app itself or of one mounted component. */
export interface Mount {
  /** Names from the app down, `workflow/workpool`; "" is the app itself. */
  readonly path: string;
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly router: HttpRouter | null;
  /** Children that serve HTTP under a prefix (`/files/`) of this one's routes. */
  readonly httpMounts: readonly HttpMount[];
  readonly schema: JsonValue | null;
  /** Folder the modules were loaded from; used to shorten stack traces. */
  readonly dir: string;
  /** `process.env` of its functions. */
  readonly env: Readonly<Record<string, string>>;
}

export interface HttpMount {
  /** Begins and ends with a slash. */
  readonly prefix: string;
  /** Path of the component. */
  readonly component: string;
}

/** One pushed version of the app's code and its components', loaded and ready. Is itself the app's own part. */
export interface CodeVersion extends Mount {
  /** The app (under "") and every mounted component, by path. */
  readonly mounts: ReadonlyMap<string, Mount>;
  /** Of the app and its components. */
  readonly crons: readonly CronSpec[];
  readonly authProviders: readonly AuthProvider[];
}

const HINT = "Did you forget to run `npx convex dev` or `npx convex deploy`?";

/** Who is asking: clients see public functions of the app only, a parent those of its component (`exported`), the app or a
 *  component its own internal ones too, an admin everything. */
export type Reach = "public" | "exported" | "internal" | "admin";

/** What a call is addressed to: the app itself unless it names a component. */
export const addressIn = ({ component = "", path }: { readonly component?: string; readonly path: string }): FunctionAddress => ({
  component,
  path,
});

/** What a call may reach: what it says of itself, else what its caller's identity allows. */
export const reachOf = (call: { readonly reach?: Reach; readonly identity: Identity }): Reach =>
  call.reach ?? (isAdmin(call.identity) ? "admin" : "public");

/**
 * Finds a function. One that is out of reach is reported exactly like a missing one.
 * @param kind what the caller wants to run it as; null for "any"
 * @throws {FunctionError} missing, not reachable, or of another kind
 */
export function findFunction(
  code: CodeVersion,
  { component, path }: FunctionAddress,
  kind: FunctionKind | null,
  reach: Reach,
): RegisteredFunction {
  const functions = code.mounts.get(component)?.functions;
  const known = functions?.get(path); // under its canonical spelling: nearly always
  const canonical = known === undefined ? canonicalPath(path) : path;
  const found = known ?? functions?.get(canonical);
  if (found === undefined || !isReachable(found, reach)) {
    const adjective = reach === "public" || reach === "exported" ? "public " : "";
    const place = component === "" ? "" : ` in component '${component}'`;
    throw new FunctionError(`Could not find ${adjective}function for '${shownPath(canonical)}'${place}. ${HINT}`);
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
      return found.home.path === "" || reach !== "public";
    case "internal":
      return reach === "internal" || reach === "admin";
    case "system":
      return reach === "admin";
    default:
      return found.visibility satisfies never;
  }
}

const capital = (kind: FunctionKind): string => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
