// A mode for tests: every call evaluates its modules anew, as Convex starts every call in a fresh world. What a module keeps at its
// top level from one call to the next then shows, instead of working here and failing there.
//   M3. A call shares no module with any other call, nested ones included; within one call modules are shared as usual.
// Costs some milliseconds a call: not for serving.
import type { HttpRouter } from "convex/server";
import { type ImportCall, importInCall, NO_SYSCALLS } from "../runner/call.ts";
import type { Mount, RegisteredFunction } from "../runner/functions.ts";
import { LogLines } from "../runner/log-lines.ts";
import type { LoadedCode } from "./load-code.ts";

const METHODS = { query: "invokeQuery", mutation: "invokeMutation", action: "invokeAction" } as const;

/** The same code, the app's and its components', evaluated anew for every call. */
export function withFreshModules(code: LoadedCode): LoadedCode {
  const mounts = new Map([...code.mounts].map(([path, mount]) => [path, { ...mount, ...freshParts(mount) }]));
  return { ...code, ...freshParts(code), mounts };
}

function freshParts(code: Mount): Pick<Mount, "functions" | "router"> {
  const functions = new Map<string, RegisteredFunction>();
  for (const [path, fn] of code.functions) functions.set(path, fn.visibility === "system" ? fn : freshFunction(code, fn));
  return { functions, router: code.router === null ? null : freshRouter(code, code.router) };
}

function freshFunction(code: Mount, fn: RegisteredFunction): RegisteredFunction {
  const [module = "", name = ""] = fn.path.split(":");
  return {
    ...fn,
    invoke: async (argsJson) => {
      const exported = (await evaluate(code, `${module}.js`))[name];
      const args = fn.kind === "action" ? ["", argsJson] : [argsJson];
      return String(await callMethod(exported, METHODS[fn.kind], args));
    },
  };
}

function freshRouter(code: Mount, router: HttpRouter): HttpRouter {
  const lookup: HttpRouter["lookup"] = (path, method) => {
    const found = router.lookup(path, method);
    if (found === null) return null;
    const invokeHttpAction = async (request: Request): Promise<unknown> => {
      const fresh = (await evaluate(code, "http.js")).default as HttpRouter;
      return callMethod(fresh.lookup(path, method)?.[0], "invokeHttpAction", [request]);
    };
    return [Object.assign(() => {}, found[0], { invokeHttpAction }), found[1], found[2]];
  };
  return Object.assign(Object.create(router), { lookup });
}

function evaluate(code: Mount, module: string): Promise<Readonly<Record<string, unknown>>> {
  const call: ImportCall = {
    kind: "import",
    functionPath: module,
    lines: new LogLines(),
    env: code.env,
    syscalls: NO_SYSCALLS,
    assignedGlobals: null,
  };
  return importInCall(call, () => {
    // Bun keeps evaluated modules, ES modules too, in this table (1.4).
    for (const path of Object.keys(require.cache)) if (path.startsWith(`${code.dir}/`)) delete require.cache[path];
    return import(`${code.dir}/${module}`);
  });
}

function callMethod(target: unknown, method: string, args: readonly unknown[]): unknown {
  const found: unknown = typeof target === "function" ? Reflect.get(target, method) : undefined;
  if (typeof found !== "function")
    throw new Error(`A module evaluated anew has no function with ${method}: it exports something else each time.`);
  return Reflect.apply(found, target, args);
}
