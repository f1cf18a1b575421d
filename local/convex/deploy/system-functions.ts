// The `_system/...` queries behind `convex data`, `env`, `run` and `function-spec`. Only holders of the admin key reach them.
import { isObject, type JsonObject, type JsonValue, type Store } from "../engine/index.ts";
import { currentCall } from "../runner/call.ts";
import type { RegisteredFunction } from "../runner/functions.ts";
import type { Variables } from "./environment.ts";
import type { LoadedCode } from "./load-code.ts";

interface SystemDeps {
  readonly store: Store;
  readonly urls: { readonly cloud: string; readonly site: string };
  /** Read at call time: both change with pushes, and a push re-runs every query. */
  readonly variables: () => Variables;
  readonly code: () => LoadedCode;
}

type Handler = (args: JsonObject) => JsonValue | Promise<JsonValue>;

export function systemFunctions(deps: SystemDeps): RegisteredFunction[] {
  const handlers: Record<string, Handler> = {
    "_system/cli/queryEnvironmentVariables:default": () =>
      Object.entries(deps.variables()).map(([name, value]) => ({ name, value })),
    "_system/cli/queryEnvironmentVariables:get": ({ name }) => {
      const value = deps.variables()[String(name)];
      return value === undefined ? null : { name: String(name), value };
    },
    "_system/cli/convexUrl:cloudUrl": () => deps.urls.cloud,
    "_system/cli/convexUrl:siteUrl": () => deps.urls.site,
    "_system/cli/modules:apiSpec": () => apiSpec(deps.code()),
    "_system/cli/tables:default": () => ({
      page: deps.store.listTables().map(({ name }) => ({ name })),
      isDone: true,
      continueCursor: "end",
    }),
    "_system/cli/tableSize:default": ({ tableName }) =>
      deps.store.listTables().find(({ name }) => name === tableName)?.documentCount ?? 0,
    "_system/cli/tableData:default": tableData,
    "_system/frontend/components:list": () => [],
  };
  return Object.entries(handlers).map(([path, handler]) => ({
    path,
    kind: "query",
    visibility: "system",
    args: null,
    returns: null,
    invoke: async (argsJson) => {
      const [args]: JsonValue[] = JSON.parse(argsJson);
      return JSON.stringify(await handler(isObject(args) ? args : {}));
    },
  }));
}

async function tableData({ table, order, paginationOpts }: JsonObject): Promise<JsonValue> {
  const options = isObject(paginationOpts) ? paginationOpts : {};
  const syscalls = currentCall()?.syscalls;
  if (syscalls === undefined) throw new Error("tableData was called outside a query.");
  const query = {
    source: { type: "FullTableScan", tableName: String(table), order: order === "asc" ? "asc" : "desc" },
    operators: [],
  };
  return JSON.parse(
    await syscalls.async(
      "1.0/queryPage",
      JSON.stringify({ query, cursor: options.cursor ?? null, pageSize: Number(options.numItems ?? 100) }),
    ),
  );
}

function apiSpec(code: LoadedCode): JsonValue {
  const functions: JsonValue[] = [...code.analysis].flatMap(([path, analyzed]) =>
    analyzed.map(({ name, udfType, isPublic, args, returns }) => ({
      functionType: udfType,
      identifier: `${path}:${name}`,
      visibility: { kind: isPublic ? "public" : "internal" },
      args: JSON.parse(args) as JsonValue,
      returns: JSON.parse(returns) as JsonValue,
    })),
  );
  const routes: JsonValue[] = (code.router?.getRoutes() ?? []).map(([path, method]) => ({
    functionType: "HttpAction",
    method,
    path,
  }));
  return [...functions, ...routes];
}
