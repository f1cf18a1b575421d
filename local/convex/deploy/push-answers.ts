// The JSON shapes the CLI expects back from a push. Pure.
import { type AuthProvider, providerToJson } from "../auth/providers.ts";
import { type IndexChange, isObject, type JsonObject, type JsonValue, type SchemaDiff } from "../engine/index.ts";
import type { AnalyzedFunction, LoadedCode } from "./load-code.ts";

const indexJson = ({ table, name, fields }: IndexChange): JsonObject => ({
  name: `${table}.${name}`,
  type: "database",
  fields: [...fields],
});

export const indexDiffJson = (diff: SchemaDiff): JsonObject => ({
  added_indexes: diff.indexesAdded.map(indexJson),
  removed_indexes: diff.indexesRemoved.map(indexJson),
});

/** What codegen and the dashboard know about the app's definition. */
export function analysisJson(code: LoadedCode): JsonObject {
  const functions: JsonObject = {};
  for (const [path, analyzed] of code.analysis) {
    functions[path] = {
      functions: analyzed.map(functionJson),
      httpRoutes: path === "http.js" ? (routesJson(code) ?? null) : null,
      cronSpecs: null,
      sourceMapped: null,
    };
  }
  return {
    definition: {
      path: "",
      definitionType: { type: "app" },
      childComponents: [],
      httpMounts: {},
      exports: { type: "branch", branch: [] },
    },
    schema: code.schema,
    functions,
    udfConfig: { serverVersion: code.bundle.udfServerVersion, importPhaseRngSeed: null, importPhaseUnixTimestamp: null },
  };
}

const functionJson = ({ name, udfType, isPublic, args, returns }: AnalyzedFunction): JsonObject => ({
  name,
  pos: null,
  udfType,
  visibility: { kind: isPublic ? "public" : "internal" },
  args,
  returns,
});

export const appJson = (code: LoadedCode): JsonObject => ({
  definitionPath: "",
  componentPath: "",
  args: {},
  childComponents: {},
  httpRoutes: { httpModuleRoutes: routesJson(code), mounts: [] },
  exports: {},
});

const routesJson = (code: LoadedCode): JsonValue => code.router?.getRoutes().map(([path, method]) => ({ path, method })) ?? null;

export function authDiff(old: LoadedCode, next: LoadedCode): { added: string[]; removed: string[] } {
  return difference(old.authProviders.map(providerText), next.authProviders.map(providerText));
}

export function moduleDiff(old: LoadedCode, next: LoadedCode): { added: string[]; removed: string[] } {
  const keys = (code: LoadedCode) => code.bundle.modules.map(({ path, sha256 }) => `${path}\n${sha256}`);
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
    definitionPath: "",
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
