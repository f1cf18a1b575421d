// convex-test behind Convex's HTTP API, so that one stock client speaks to both sides. A process of its own: convex-test takes
// the global `Convex`, which a deployment in the same process needs.
//   POST /reset  forgets every document and every scheduled function.
// Prints its address as one line of JSON. Ends with its stdin.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, jsonToConvex, type Value } from "convex/values";
import { convexTest } from "convex-test";
import schema from "../../fixtures/proofs/convex/schema.ts";

const FUNCTIONS_DIR = join(import.meta.dir, "../../fixtures/proofs/convex");
const modules = Object.fromEntries(
  readdirSync(FUNCTIONS_DIR)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [`./${file}`, () => import(join(FUNCTIONS_DIR, file))]),
);
const fresh = () => convexTest(schema, { ...modules, "./_generated/api.js": async () => ({}) });

let deployment = fresh();
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const route = new URL(request.url).pathname;
    if (route === "/reset") {
      deployment = fresh();
      return Response.json(null);
    }
    if (route !== "/api/query" && route !== "/api/mutation" && route !== "/api/action") {
      return Response.json({ code: "NotFound", message: `convex-test has no ${route}` }, { status: 404 });
    }
    const { path, args } = (await request.json()) as { path: string; args: [Record<string, never>] };
    return Response.json(await run(route, path, jsonToConvex(args[0]) as Record<string, Value>));
  },
});
process.stdin.on("end", () => process.exit(0)).resume();
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.port}` }));
console.error = () => {}; // convex-test reports failed scheduled functions here; programs make them fail on purpose

async function run(route: "/api/query" | "/api/mutation" | "/api/action", path: string, args: Record<string, Value>) {
  try {
    return { status: "success", value: convexToJson((await call(route, path, args)) ?? null), logLines: [] };
  } catch (error) {
    const errorMessage = error instanceof Error ? error.message : String(error);
    const errorData = error instanceof ConvexError ? { errorData: convexToJson(error.data) } : {};
    return { status: "error", errorMessage, ...errorData, logLines: [] };
  }
}

function call(route: "/api/query" | "/api/mutation" | "/api/action", path: string, args: Record<string, Value>): Promise<Value> {
  switch (route) {
    case "/api/query":
      return deployment.query(makeFunctionReference<"query">(path), args);
    case "/api/mutation":
      return deployment.mutation(makeFunctionReference<"mutation">(path), args);
    case "/api/action":
      return deployment.action(makeFunctionReference<"action">(path), args);
    default:
      return route satisfies never;
  }
}
