// The orchestrator as `main.ts` starts it, among kill points and with a clock that can jump. The product below is untouched: what
// crosses its borders is watched from outside.
//
//   CHAOS_DIR   the folder of kill-points.ts

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ECSClient } from "@aws-sdk/client-ecs";
import { ConvexClient } from "convex/browser";
import { KillPoints, POINTS_FILES } from "./kill-points.ts";
import { Requests } from "./requests.ts";

const { CHAOS_DIR = "", CONVEX_URL = "", LINEAR_API_URL = "", GITHUB_API_URL = "", AUTH0_DOMAIN = "" } = process.env;
if (CHAOS_DIR === "") throw new Error("CHAOS_DIR is missing: name the folder that says where to die");
const points = new KillPoints(CHAOS_DIR);
const requests = new Requests({ convex: CONVEX_URL, linear: LINEAR_API_URL, github: GITHUB_API_URL, identity: AUTH0_DOMAIN });

const realFetch = globalThis.fetch;
globalThis.fetch = Object.assign(
  async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    const method = init?.method ?? (input instanceof Request ? input.method : "GET");
    const body = typeof init?.body === "string" ? init.body : "";
    const named = requests.nameOf(url, method, body);
    if (named === null) return realFetch(input, init);
    return points.around(named.name, named.details, async () => {
      const response = await realFetch(input, init);
      if (named.name !== "convex.host:load") return response;
      const text = await response.text();
      requests.loaded(text);
      return new Response(text, { status: response.status, headers: response.headers });
    });
  },
  { preconnect: realFetch.preconnect },
);

const realSend = ECSClient.prototype.send;
ECSClient.prototype.send = function send(this: ECSClient, command: object, ...rest: never[]) {
  return points.around(`ecs.${command.constructor.name.replace(/Command$/, "")}`, [], () =>
    Reflect.apply(realSend, this, [command, ...rest]),
  );
} as typeof realSend;

const realUpdate = ConvexClient.prototype.onUpdate;
ConvexClient.prototype.onUpdate = function onUpdate(
  this: ConvexClient,
  ...[query, args, told, failed]: Parameters<typeof realUpdate>
) {
  const watched: typeof told = (rows) => {
    const isMail = Array.isArray(rows) && rows.length > 0;
    if (isMail) points.reach("mail.before");
    const result = told(rows);
    if (isMail) points.reach("mail.after");
    return result;
  };
  return Reflect.apply(realUpdate, this, [query, args, watched, failed]);
} as typeof realUpdate;

/** An answer of ours to somebody who will not ask again once he has it. */
const ACKNOWLEDGES = /^\/(webhooks|events|agents)\//;
type Answer = (this: unknown, ...asked: unknown[]) => unknown;

const watched = (answer: Answer): Answer =>
  async function (this: unknown, ...asked) {
    const response = await Reflect.apply(answer, this, asked);
    const path = asked[0] instanceof Request ? new URL(asked[0].url).pathname : "";
    if (ACKNOWLEDGES.test(path)) points.reach(`ack.${path}.before`);
    return response;
  };

/** Elysia hands its routes to Bun as functions, per path or per path and method. */
function watchedRoute(route: unknown): unknown {
  if (typeof route === "function") return watched(route as Answer);
  if (typeof route !== "object" || route === null || route instanceof Response) return route;
  return Object.fromEntries(Object.entries(route).map(([method, answer]) => [method, watchedRoute(answer)]));
}

interface Served {
  readonly fetch?: Answer;
  readonly routes?: Readonly<Record<string, unknown>>;
}

const watchedOptions = (options: Served): Served => ({
  ...options,
  ...(options.fetch ? { fetch: watched(options.fetch) } : {}),
  ...(options.routes
    ? { routes: Object.fromEntries(Object.entries(options.routes).map(([path, route]) => [path, watchedRoute(route)])) }
    : {}),
});

const realServe = Bun.serve as unknown as (options: Served) => { reload(options: Served): unknown };
Bun.serve = ((options: Served) => {
  const server = Reflect.apply(realServe, Bun, [watchedOptions(options)]);
  const realReload = server.reload;
  // Elysia serves its compiled routes by reloading.
  server.reload = (next) => Reflect.apply(realReload, server, [watchedOptions(next)]);
  return server;
}) as unknown as typeof Bun.serve;

// The clock is looked at a few times a second: a jump comes while things are under way, as it does on a real machine.
const realNow = Date.now;
let wrongByMs = 0;
const look = () => {
  try {
    wrongByMs = Number(readFileSync(join(CHAOS_DIR, POINTS_FILES.clock), "utf8")) || 0;
  } catch {
    wrongByMs = 0;
  }
};
look();
setInterval(look, 250).unref();
Date.now = () => realNow() + wrongByMs;

await import("../main.ts");
