// The JSON shapes the CLI expects back from a push. Pure.
import { type AuthProvider, providerToJson } from "../auth/providers.ts";
import { type IndexChange, isObject, type JsonObject, type JsonValue, type SchemaDiff } from "../engine/index.ts";
import type { Placement } from "./definitions.ts";
import type { LoadedCode } from "./load-code.ts";
import type { AnalyzedFunction, LoadedMount } from "./load-mount.ts";

const indexJson = ({ table, name, fields }: IndexChange): JsonObject => ({
  name: `${table}.${name}`,
  type: "database",
  fields: [...fields],
});

export const indexDiffJson = (diff: SchemaDiff): JsonObject => ({
  added_indexes: diff.indexesAdded.map(indexJson),
  removed_indexes: diff.indexesRemoved.map(indexJson),
});

/** What codegen and the dashboard know about each definition, by definition path. */
export function analysisJson(code: LoadedCode): JsonObject {
  const all: JsonObject = {};
  for (const [definitionPath, { json }] of code.definitions) {
    const mount = code.examples.get(definitionPath);
    if (mount === undefined) throw new Error(`The definition ${definitionPath} was not loaded.`);
    const source = (code.bundle.components ?? []).find((component) => component.definitionPath === definitionPath);
    const { udfServerVersion } = source ?? code.bundle;
    all[definitionPath] = {
      definition: { ...json, path: definitionPath, exports: branch(exportTree(mount)) },
      schema: mount.schema,
      functions: functionsJson(mount),
      udfConfig: { serverVersion: udfServerVersion, importPhaseRngSeed: null, importPhaseUnixTimestamp: null },
    };
  }
  return all;
}

function functionsJson(mount: LoadedMount): JsonObject {
  const functions: JsonObject = {};
  for (const [path, analyzed] of mount.analysis) {
    functions[path] = {
      functions: analyzed.map(functionJson),
      httpRoutes: path === "http.js" ? (routesJson(mount) ?? null) : null,
      cronSpecs: null,
      sourceMapped: null,
    };
  }
  return functions;
}

/** What a parent may call: every public function, by the steps of its module's path and its name. */
type ExportTree = Map<string, ExportTree | string>;

function exportTree(mount: LoadedMount): ExportTree {
  const root: ExportTree = new Map();
  for (const [path, analyzed] of mount.analysis) {
    for (const { name, isPublic } of analyzed) {
      if (!isPublic) continue;
      let node = root;
      for (const step of path.replace(/\.js$/, "").split("/")) {
        const next = node.get(step);
        const child: ExportTree = next instanceof Map ? next : new Map();
        node.set(step, child);
        node = child;
      }
      node.set(name, `_reference/function/${path}:${name}`);
    }
  }
  return root;
}

const branch = (tree: ExportTree): JsonObject => ({
  type: "branch",
  branch: [...tree].map(([name, child]) => [name, typeof child === "string" ? { type: "leaf", leaf: child } : branch(child)]),
});

const functionJson = ({ name, udfType, isPublic, args, returns }: AnalyzedFunction): JsonObject => ({
  name,
  pos: null,
  udfType,
  visibility: { kind: isPublic ? "public" : "internal" },
  args,
  returns,
});

/** A mounted component and everything below it; the app is the root. */
export const componentJson = (code: LoadedCode, placement: Placement = code.tree): JsonObject => ({
  definitionPath: placement.definitionPath,
  componentPath: placement.path,
  args: {},
  childComponents: Object.fromEntries([...placement.children].map(([name, child]) => [name, componentJson(code, child)])),
  httpRoutes: {
    httpModuleRoutes: routesJson(code.mounts.get(placement.path)),
    mounts: placement.httpMounts.map(({ prefix }) => prefix),
  },
  exports: {},
});

const routesJson = (mount: LoadedMount | undefined): JsonValue =>
  mount?.router?.getRoutes().map(([path, method]) => ({ path, method })) ?? null;

export function authDiff(old: LoadedCode, next: LoadedCode): { added: string[]; removed: string[] } {
  return difference(old.authProviders.map(providerText), next.authProviders.map(providerText));
}

/** What changes in the modules of one component ("": the app itself). */
export function moduleDiff(old: LoadedCode, next: LoadedCode, component: string): { added: string[]; removed: string[] } {
  const keys = (code: LoadedCode): string[] => {
    const definitionPath = code.mounts.get(component)?.definitionPath;
    const { modules } =
      definitionPath === ""
        ? code.bundle
        : (code.bundle.components?.find((candidate) => candidate.definitionPath === definitionPath) ?? { modules: [] });
    return modules.map(({ path, sha256 }) => `${path}\n${sha256}`);
  };
  const { added, removed } = difference(keys(old), keys(next));
  const path = (key: string): string => key.split("\n")[0] ?? key;
  return { added: added.map(path), removed: removed.map(path) };
}

const providerText = (provider: AuthProvider): string => JSON.stringify(providerToJson(provider));

const difference = (old: readonly string[], next: readonly string[]) => ({
  added: next.filter((entry) => !old.includes(entry)),
  removed: old.filter((entry) => !next.includes(entry)),
});

/** The pre-push check: which indexes a push would add or drop, and on how many documents. */
export function evaluationJson(
  definitionPath: string,
  schema: JsonValue,
  diff: SchemaDiff,
  counts: readonly { readonly name: string; readonly documentCount: number }[],
): JsonObject {
  const documents = (table: string): number => counts.find(({ name }) => name === table)?.documentCount ?? 0;
  const predicted = (change: IndexChange, kind: "added" | "dropped"): JsonObject => ({
    ...indexJson(change),
    change: kind,
    needsBackfill: kind === "added" && documents(change.table) > 0,
    numDocs: documents(change.table),
  });
  const tables = isObject(schema) && Array.isArray(schema.tables) ? schema.tables.filter(isObject) : [];
  return {
    definitionPath,
    schemaValidation: isObject(schema) && schema.schemaValidation === true,
    tables: tables.map(({ tableName }) => ({
      name: String(tableName),
      outcome: "supersetOfShape", // checking runs before the push is answered, so it never makes a deploy wait unannounced
      numDocs: documents(String(tableName)),
      sizeBytes: 0,
    })),
    indexes: [
      ...diff.indexesAdded.map((change) => predicted(change, "added")),
      ...diff.indexesRemoved.map((change) => predicted(change, "dropped")),
    ],
  };
}
