// Loads the modules of the app or of one mounted component: its functions, routes, crons, schema, each read for what it exports.
import type { HttpRouter } from "convex/server";
import { type AuthProvider, parseAuthConfig } from "../auth/providers.ts";
import { type JsonObject, type JsonValue, Validator } from "../engine/index.ts";
import { badRequest, HttpError } from "../http/replies.ts";
import { canonicalPath } from "../runner/function-path.ts";
import type { Mount, RegisteredFunction } from "../runner/functions.ts";
import { type CronSpec, parseCron } from "../scheduler/cron-schedule.ts";
import type { BundledModule } from "./bundle.ts";
import type { Placement } from "./definitions.ts";
import { ModuleFolder } from "./module-files.ts";

/** What `convex codegen` and the push answer want to know about a function. */
export interface AnalyzedFunction {
  readonly name: string;
  readonly udfType: "Query" | "Mutation" | "Action";
  readonly isPublic: boolean;
  /** Validator JSON texts. */
  readonly args: string;
  readonly returns: string;
}

export interface LoadedMount extends Mount {
  readonly definitionPath: string;
  /** By module path. */
  readonly analysis: ReadonlyMap<string, readonly AnalyzedFunction[]>;
  readonly crons: readonly CronSpec[];
  readonly authProviders: readonly AuthProvider[];
}

/** The server's own functions, made anew for every mount: they run in the component they are asked about. */
export type SystemFunctions = (component: string) => readonly Omit<RegisteredFunction, "home">[];

/**
 * @param dir the deployment's data folder
 * @throws {HttpError} 400 naming the module that cannot be loaded and why
 */
export async function loadMount(
  { path, definitionPath, env, httpMounts }: Placement,
  code: { readonly modules: readonly BundledModule[]; readonly schema: BundledModule | null },
  dir: string,
  systemFunctions: SystemFunctions,
): Promise<LoadedMount> {
  const all = code.schema === null ? code.modules : [...code.modules, code.schema];
  const folder = ModuleFolder.write(dir, `component ${path}`, all, env);
  const functions = new Map<string, RegisteredFunction>();
  const analysis = new Map<string, AnalyzedFunction[]>();
  let router: HttpRouter | null = null;
  let crons: CronSpec[] = [];
  let authProviders: AuthProvider[] = [];
  const read: Omit<RegisteredFunction, "home">[] = [...systemFunctions(path)];
  for (const module of code.modules) {
    if (module.path.startsWith("_deps/")) continue;
    if (module.path === "auth.config.js" && path === "") {
      authProviders = await loadAuthConfig(folder, module, env);
      continue;
    }
    const exports = await folder.import(module.path, env);
    const analyzed: AnalyzedFunction[] = [];
    for (const [name, value] of Object.entries(exports)) {
      const found = readFunction(module.path, name, value);
      if (found === null) continue;
      read.push(found.fn);
      analyzed.push(found.analyzed);
    }
    analysis.set(module.path, analyzed);
    if (module.path === "http.js" && isRouter(exports.default)) router = exports.default;
    if (module.path === "crons.js") crons = readCrons(exports.default, path);
  }
  const schema = code.schema === null ? null : readSchema((await folder.import(code.schema.path, env)).default);
  const mount: LoadedMount = {
    path,
    definitionPath,
    functions,
    router,
    httpMounts,
    schema,
    dir: folder.path,
    env,
    analysis,
    crons,
    authProviders,
  };
  for (const fn of read) functions.set(fn.path, { ...fn, home: mount });
  for (const cron of crons) {
    if (functions.has(cron.path)) continue;
    const place = path === "" ? "" : ` of the component "${path}"`;
    throw badRequest(`Cron job "${cron.identifier}"${place} runs ${cron.path}, which does not exist.`);
  }
  return mount;
}

// A provider built from a variable that is not set is the usual mistake here; the CLI knows this code and says what to do.
async function loadAuthConfig(
  folder: ModuleFolder,
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
  const exports = await folder.import(module.path, watched);
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
): { fn: Omit<RegisteredFunction, "home">; analyzed: AnalyzedFunction } | null {
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

function readCrons(value: unknown, component: string): CronSpec[] {
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
      const spec = parseCron(identifier, canonicalPath(job.name), args, job.schedule);
      return component === "" ? spec : { component, ...spec };
    } catch (error) {
      throw badRequest(error instanceof Error ? error.message : String(error));
    }
  });
}
