// Loads a bundle: writes its modules under `<dir>/modules/<hash>/` and imports them, with the deployment's variables as `process.env`.
//   M1. The folder is only a cache: the database holds the bundle, and a missing or half-written folder is written again.
//   M2. Another bundle or other variables mean another folder, so modules are evaluated anew: what they computed at the top
//       level is never stale.
// Module state survives between calls (Convex starts every call afresh). The memory of replaced versions is not given back until a restart.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HttpRouter } from "convex/server";
import { type AuthProvider, parseAuthConfig } from "../auth/providers.ts";
import { type JsonObject, type JsonValue, Validator } from "../engine/index.ts";
import { badRequest, HttpError } from "../http/replies.ts";
import { importInCall, NO_SYSCALLS } from "../runner/call.ts";
import { failureOf } from "../runner/failure.ts";
import { canonicalPath } from "../runner/function-path.ts";
import type { CodeVersion, RegisteredFunction } from "../runner/functions.ts";
import { LogLines } from "../runner/log-lines.ts";
import { type CronSpec, parseCron } from "../scheduler/cron-schedule.ts";
import type { Bundle, BundledModule } from "./bundle.ts";

/** What `convex codegen` and the push answer want to know about a function. */
export interface AnalyzedFunction {
  readonly name: string;
  readonly udfType: "Query" | "Mutation" | "Action";
  readonly isPublic: boolean;
  /** Validator JSON texts. */
  readonly args: string;
  readonly returns: string;
}

export interface LoadedCode extends CodeVersion {
  readonly bundle: Bundle;
  /** By module path. */
  readonly analysis: ReadonlyMap<string, readonly AnalyzedFunction[]>;
}

type ModuleExports = Readonly<Record<string, unknown>>;

/**
 * @param dir the deployment's data folder
 * @throws {HttpError} 400 naming the module that cannot be loaded and why
 */
export async function loadCode(
  bundle: Bundle,
  env: Readonly<Record<string, string>>,
  dir: string,
  systemFunctions: readonly RegisteredFunction[],
): Promise<LoadedCode> {
  const folder = writeModules(bundle, env, dir);
  const functions = new Map<string, RegisteredFunction>(systemFunctions.map((fn) => [fn.path, fn]));
  const analysis = new Map<string, AnalyzedFunction[]>();
  let router: HttpRouter | null = null;
  let crons: CronSpec[] = [];
  let authProviders: AuthProvider[] = [];
  for (const module of bundle.modules) {
    if (module.path.startsWith("_deps/")) continue;
    if (module.path === "auth.config.js") {
      authProviders = await loadAuthConfig(folder, module, env);
      continue;
    }
    const exports = await importModule(folder, module, env);
    const analyzed: AnalyzedFunction[] = [];
    for (const [name, value] of Object.entries(exports)) {
      const found = readFunction(module.path, name, value);
      if (found === null) continue;
      functions.set(found.fn.path, found.fn);
      analyzed.push(found.analyzed);
    }
    analysis.set(module.path, analyzed);
    if (module.path === "http.js" && isRouter(exports.default)) router = exports.default;
    if (module.path === "crons.js") crons = readCrons(exports.default);
  }
  for (const cron of crons) {
    if (!functions.has(cron.path)) throw badRequest(`Cron job "${cron.identifier}" runs ${cron.path}, which does not exist.`);
  }
  const schema = bundle.schema === null ? null : readSchema((await importModule(folder, bundle.schema, env)).default);
  return { functions, router, crons, authProviders, schema, dir: folder, env, bundle, analysis };
}

/** Removes the folders of versions that are not served any more; called at start. */
export function removeOldModules(dir: string): void {
  rmSync(join(dir, "modules"), { recursive: true, force: true });
}

// M1, M2
function writeModules(bundle: Bundle, env: Readonly<Record<string, string>>, dir: string): string {
  const hash = createHash("sha256").update(
    JSON.stringify([bundle.modules.map(({ path, sha256 }) => [path, sha256]), bundle.schema?.sha256, Object.entries(env)]),
  );
  const folder = join(dir, "modules", hash.digest("hex").slice(0, 20));
  if (!existsSync(folder)) {
    const draft = `${folder}.draft`;
    rmSync(draft, { recursive: true, force: true });
    for (const module of [...bundle.modules, ...(bundle.schema === null ? [] : [bundle.schema])]) {
      const file = join(draft, module.path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, module.source);
    }
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(draft, "package.json"), '{"type":"module"}');
    renameSync(draft, folder);
  }
  return realpathSync(folder);
}

async function importModule(
  folder: string,
  module: BundledModule,
  env: Readonly<Record<string, string>>,
): Promise<ModuleExports> {
  const lines = new LogLines();
  const call = {
    kind: "import",
    functionPath: module.path,
    lines,
    env,
    syscalls: NO_SYSCALLS,
    assignedGlobals: new Map<string, unknown>(),
  } as const;
  try {
    return await importInCall(call, () => import(join(folder, module.path)));
  } catch (error) {
    throw badRequest(`Could not load ${module.path}: ${failureOf(error, folder).description}`);
  }
}

// A provider built from a variable that is not set is the usual mistake here; the CLI knows this code and says what to do.
async function loadAuthConfig(
  folder: string,
  module: BundledModule,
  env: Readonly<Record<string, string>>,
): Promise<AuthProvider[]> {
  const missing: string[] = [];
  const watched = new Proxy(env, {
    get: (target, name) => {
      if (typeof name === "string" && target[name] === undefined) missing.push(name);
      return target[String(name)];
    },
  });
  const exports = await importModule(folder, module, watched);
  try {
    return parseAuthConfig(exports.default);
  } catch (cause) {
    const [name] = missing;
    if (name === undefined) throw badRequest(cause instanceof Error ? cause.message : String(cause));
    throw new HttpError(
      400,
      "AuthConfigMissingEnvironmentVariable",
      `Environment variable ${name} is used in auth config file but its value was not set.`,
      { cause },
    );
  }
}

/** What the convex package puts on the functions it registers. */
interface Registered {
  readonly isQuery?: boolean;
  readonly isMutation?: boolean;
  readonly isAction?: boolean;
  readonly isInternal?: boolean;
  readonly exportArgs: () => string;
  readonly exportReturns: () => string;
  readonly invokeQuery: (args: string) => Promise<string>;
  readonly invokeMutation: (args: string) => Promise<string>;
  readonly invokeAction: (requestId: string, args: string) => Promise<string>;
}

function readFunction(
  modulePath: string,
  name: string,
  value: unknown,
): { fn: RegisteredFunction; analyzed: AnalyzedFunction } | null {
  if (typeof value !== "function") return null;
  const registered = value as unknown as Partial<Registered>;
  if (registered.isQuery !== true && registered.isMutation !== true && registered.isAction !== true) return null;
  const found = registered as Registered;
  const path = canonicalPath(`${modulePath}:${name}`);
  const [args, returns] = [exported(path, "args", found.exportArgs), exported(path, "returns", found.exportReturns)];
  const kind = found.isQuery === true ? "query" : found.isMutation === true ? "mutation" : "action";
  const invoke = {
    query: (text: string) => found.invokeQuery(text),
    mutation: (text: string) => found.invokeMutation(text),
    action: (text: string) => found.invokeAction("", text),
  }[kind];
  const udfType = ({ query: "Query", mutation: "Mutation", action: "Action" } as const)[kind];
  const isPublic = found.isInternal !== true;
  return {
    fn: { path, kind, visibility: isPublic ? "public" : "internal", args: validator(args), returns: validator(returns), invoke },
    analyzed: { name, udfType, isPublic, args, returns },
  };
}

function exported(path: string, what: string, read: (() => string) | undefined): string {
  try {
    return read?.() ?? "null";
  } catch (error) {
    throw badRequest(`${path}: bad ${what} validator: ${error instanceof Error ? error.message : String(error)}`);
  }
}

// `any` checks nothing: skipping it saves the walk.
function validator(text: string): Validator | null {
  const parsed: JsonValue = JSON.parse(text);
  if (parsed === null) return null;
  return typeof parsed === "object" && !Array.isArray(parsed) && parsed.type === "any" ? null : Validator.parse(parsed);
}

const isRouter = (value: unknown): value is HttpRouter => typeof value === "object" && value !== null && "isRouter" in value;

function readSchema(value: unknown): JsonValue {
  if (typeof value === "object" && value !== null && "export" in value && typeof value.export === "function") {
    return JSON.parse(String(value.export()));
  }
  throw badRequest("convex/schema.ts must have a default export made by defineSchema().");
}

function readCrons(value: unknown): CronSpec[] {
  if (
    typeof value !== "object" ||
    value === null ||
    !("isCrons" in value) ||
    !("export" in value) ||
    typeof value.export !== "function"
  ) {
    throw badRequest("convex/crons.ts must have a default export made by cronJobs().");
  }
  const jobs: Record<string, { name: string; args: JsonValue[]; schedule: JsonValue }> = JSON.parse(String(value.export()));
  return Object.entries(jobs).map(([identifier, job]) => {
    const args: JsonObject =
      typeof job.args[0] === "object" && job.args[0] !== null && !Array.isArray(job.args[0]) ? job.args[0] : {};
    try {
      return parseCron(identifier, canonicalPath(job.name), args, job.schedule);
    } catch (error) {
      throw badRequest(error instanceof Error ? error.message : String(error));
    }
  });
}
