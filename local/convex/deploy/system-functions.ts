// The `_system/...` queries behind `convex data`, `env`, `run` and `function-spec`. Only holders of the admin key reach them.
import { isObject, type JsonObject, type JsonValue, type Store } from "../engine/index.ts";
import { currentCall } from "../runner/call.ts";
import type { Variables } from "./environment.ts";
import type { LoadedCode } from "./load-code.ts";
import type { LoadedMount, SystemFunctions } from "./load-mount.ts";

interface SystemDeps {
  readonly store: Store;
  readonly urls: { readonly cloud: string; readonly site: string };
  /** Read at call time: both change with pushes, and a push re-runs every query. */
  readonly variables: () => Variables;
  readonly code: () => LoadedCode;
}

/** `component`: the one the admin asks about, "" is the app itself. */
type Handler = (args: JsonObject, component: string) => JsonValue | Promise<JsonValue>;

export function systemFunctions(deps: SystemDeps): SystemFunctions {
  const handlers: Record<string, Handler> = {
    "_system/cli/queryEnvironmentVariables:default": () =>
      Object.entries(deps.variables()).map(([name, value]) => ({ name, value })),
    "_system/cli/queryEnvironmentVariables:get": ({ name }) => {
      const value = deps.variables()[String(name)];
      return value === undefined ? null : { name: String(name), value };
    },
    "_system/cli/convexUrl:cloudUrl": () => deps.urls.cloud,
    "_system/cli/convexUrl:siteUrl": () => deps.urls.site,
    "_system/cli/modules:apiSpec": (_args, component) => apiSpec(deps.code().mounts.get(component)),
    "_system/cli/tables:default": (_args, component) => ({
      page: deps.store.listTables(component).map(({ name }) => ({ name })),
      isDone: true,
      continueCursor: "end",
    }),
    "_system/cli/tableSize:default": ({ tableName }, component) =>
      deps.store.listTables(component).find(({ name }) => name === tableName)?.documentCount ?? 0,
    "_system/cli/tableData:default": tableData,
    "_system/frontend/components:list": () => components(deps.store, deps.code()),
  };
  return (component) =>
    Object.entries(handlers).map(([path, handler]) => ({
      path,
      kind: "query",
      visibility: "system",
      args: null,
      returns: null,
      invoke: async (argsJson) => {
        const [args]: JsonValue[] = JSON.parse(argsJson);
        return JSON.stringify(await handler(isObject(args) ? args : {}, component));
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

// A component's path is its id here: nothing else names it.
function components(store: Store, { mounts }: LoadedCode): JsonValue {
  const paths = new Set([...mounts.keys(), ...store.components()]);
  return [...paths].sort().map((path) => ({
    id: path,
    path,
    name: path.split("/").at(-1) ?? "",
    args: {},
    state: mounts.has(path) ? "active" : "unmounted",
  }));
}

function apiSpec(mount: LoadedMount | undefined): JsonValue {
  if (mount === undefined) return [];
  const functions: JsonValue[] = [...mount.analysis].flatMap(([path, analyzed]) =>
    analyzed.map(({ name, udfType, isPublic, args, returns }) => ({
      functionType: udfType,
      identifier: `${path}:${name}`,
      visibility: { kind: isPublic ? "public" : "internal" },
      args: JSON.parse(args) as JsonValue,
      returns: JSON.parse(returns) as JsonValue,
    })),
  );
  const routes: JsonValue[] = (mount.router?.getRoutes() ?? []).map(([path, method]) => ({
    functionType: "HttpAction",
    method,
    path,
  }));
  return [...functions, ...routes];
}
