// The modules of one push as data: what is stored, compared by hash, and written to disk to be loaded.
import { createHash } from "node:crypto";
import type { JsonObject, JsonValue } from "../engine/index.ts";
import { badRequest } from "../http/replies.ts";
import { nativeNames } from "./native-names.ts";

export interface BundledModule {
  /** Path inside the bundle, with `.js`: `messages.js`, `_deps/abc.js`. */
  readonly path: string;
  readonly source: string;
  /** What is loaded in its place, where that differs (native-names.ts). */
  readonly loaded?: string;
  readonly environment: "isolate" | "node";
  /** As the CLI computes it, over source and source map; lets the next push leave unchanged modules out. */
  readonly sha256: string;
}

/** One `convex.config.ts` of a component and the code beside it, however often it is mounted. */
export interface ComponentBundle {
  /** Where the CLI found it, relative to the app's `convex/` folder: the name of the definition everywhere. */
  readonly definitionPath: string;
  readonly definition: BundledModule;
  readonly modules: readonly BundledModule[];
  readonly schema: BundledModule | null;
  readonly udfServerVersion: string;
}

export interface Bundle {
  readonly modules: readonly BundledModule[];
  /** The bundled `schema.js`, or null when the app has none. */
  readonly schema: BundledModule | null;
  readonly udfServerVersion: string;
  /** The app's bundled `convex.config.js`; null, and missing in files of before components, when it has none. */
  readonly definition?: BundledModule | null;
  readonly components?: readonly ComponentBundle[];
}

export const EMPTY_BUNDLE: Bundle = { modules: [], schema: null, udfServerVersion: "0.0.0" };

const MAX_COMPONENT_DEFINITIONS = 256;

/**
 * Reads a `start_push` request. Modules of the app the CLI left out as unchanged are taken from `current`; components always
 * come whole.
 * @throws {HttpError} on anything this deployment cannot serve, by name
 */
export function parsePush(request: JsonObject, current: Bundle): Bundle {
  const app = object(request.appDefinition, "appDefinition");
  const components = list(request.componentDefinitions ?? [], "componentDefinitions").map(parseComponent);
  if (components.length > MAX_COMPONENT_DEFINITIONS)
    throw badRequest(`A push may bring at most ${MAX_COMPONENT_DEFINITIONS} component definitions, got ${components.length}.`);
  const external = list(request.nodeDependencies ?? [], "nodeDependencies");
  if (external.length > 0) {
    const names = external.map((dependency) => String(object(dependency, "nodeDependency").name)).join(", ");
    throw badRequest(
      `External node packages are not supported by this deployment yet. Remove node.externalPackages from convex.json (found: ${names}).`,
    );
  }
  const modules = list(app.changedModules ?? [], "changedModules").map(parseModule);
  for (const entry of list(app.unchangedModuleHashes ?? [], "unchangedModuleHashes")) {
    const { path, sha256 } = object(entry, "unchangedModuleHash");
    const kept = current.modules.find((module) => module.path === path && module.sha256 === sha256);
    if (kept === undefined)
      throw badRequest(
        `The push leaves out ${String(path)} as unchanged, but this deployment has another version of it. Push again.`,
      );
    modules.push(kept);
  }
  modules.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    modules: named(modules),
    schema: optionalModule(app.schema),
    udfServerVersion: String(app.udfServerVersion ?? "0.0.0"),
    definition: optionalModule(app.definition),
    components,
  };
}

function parseComponent(value: JsonValue): ComponentBundle {
  const { definitionPath, definition, functions, schema, udfServerVersion } = object(value, "componentDefinition");
  if (typeof definitionPath !== "string" || definitionPath === "" || definitionPath.length > 1024)
    throw badRequest("A component definition needs a definitionPath.");
  if (definition === undefined) throw badRequest(`The component ${definitionPath} comes without its convex.config.`);
  const modules = list(functions ?? [], "functions").map(parseModule);
  return {
    definitionPath,
    definition: parseModule(definition),
    modules: named(modules.sort((a, b) => (a.path < b.path ? -1 : 1))),
    schema: optionalModule(schema),
    udfServerVersion: String(udfServerVersion ?? "0.0.0"),
  };
}

const optionalModule = (value: JsonValue | undefined): BundledModule | null =>
  value === null || value === undefined ? null : parseModule(value);

function parseModule(value: JsonValue): BundledModule {
  const { path, source, sourceMap, environment } = object(value, "module");
  if (typeof path !== "string" || typeof source !== "string") throw badRequest("A module needs a path and a source.");
  if (!/^[\w.\-/]+$/.test(path) || path.startsWith("/") || path.split("/").includes(".."))
    throw badRequest(`Bad module path ${JSON.stringify(path)}.`);
  const hash = createHash("sha256")
    .update(source)
    .update(typeof sourceMap === "string" ? sourceMap : "");
  return { path, source, environment: environment === "node" ? "node" : "isolate", sha256: hash.digest("hex") };
}

/** Worked out once for each push: it means reading all of the code. */
function named(modules: readonly BundledModule[]): BundledModule[] {
  const texts = nativeNames(modules);
  return modules.map(({ loaded: _, ...module }) => {
    const loaded = texts.get(module.path);
    return loaded === undefined ? module : { ...module, loaded };
  });
}

function object(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest(`${what} must be an object.`);
  return value;
}

function list(value: JsonValue, what: string): JsonValue[] {
  if (!Array.isArray(value)) throw badRequest(`${what} must be an array.`);
  return value;
}
