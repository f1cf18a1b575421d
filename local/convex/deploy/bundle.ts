// The modules of one push as data: what is stored, compared by hash, and written to disk to be loaded.
import { createHash } from "node:crypto";
import type { JsonObject, JsonValue } from "../engine/index.ts";
import { badRequest } from "../http/replies.ts";

export interface BundledModule {
  /** Path inside the bundle, with `.js`: `messages.js`, `_deps/abc.js`. */
  readonly path: string;
  readonly source: string;
  readonly environment: "isolate" | "node";
  /** As the CLI computes it, over source and source map; lets the next push leave unchanged modules out. */
  readonly sha256: string;
}

export interface Bundle {
  readonly modules: readonly BundledModule[];
  /** The bundled `schema.js`, or null when the app has none. */
  readonly schema: BundledModule | null;
  readonly udfServerVersion: string;
}

export const EMPTY_BUNDLE: Bundle = { modules: [], schema: null, udfServerVersion: "0.0.0" };

/**
 * Reads the app's part of a `start_push` request. Modules the CLI left out as unchanged are taken from `current`.
 * @throws {HttpError} on anything this deployment cannot serve, by name
 */
export function parsePush(request: JsonObject, current: Bundle): Bundle {
  const app = object(request.appDefinition, "appDefinition");
  const components = list(request.componentDefinitions ?? [], "componentDefinitions");
  if (components.length > 0) {
    const names = components.map((component) => String(object(component, "componentDefinition").definitionPath)).join(", ");
    throw badRequest(
      `Components are not supported by this deployment yet. Remove app.use(...) from convex.config.ts (found: ${names}).`,
    );
  }
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
    modules,
    schema: app.schema === null || app.schema === undefined ? null : parseModule(app.schema),
    udfServerVersion: String(app.udfServerVersion ?? "0.0.0"),
  };
}

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

function object(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest(`${what} must be an object.`);
  return value;
}

function list(value: JsonValue, what: string): JsonValue[] {
  if (!Array.isArray(value)) throw badRequest(`${what} must be an array.`);
  return value;
}
