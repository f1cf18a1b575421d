// The two listeners: the API port (functions, sync, deploy, metrics) and the site port (HTTP actions only).
import type { Server } from "bun";
import type { SigningKeys } from "../auth/signing-keys.ts";
import type { PushApi } from "../deploy/push-api.ts";
import type { AdminApi } from "../ops/admin-api.ts";
import type { FunctionLog } from "../ops/function-log.ts";
import type { SocketData, SyncSessions } from "../sync/sessions.ts";
import { MAX_PUSH_BYTES } from "./body.ts";
import { type CallerDeps, requireAdmin } from "./caller.ts";
import type { FunctionApi } from "./function-api.ts";
import type { HttpActions } from "./http-actions.ts";
import { CORS, errorReply, HttpError, json, preflight } from "./replies.ts";
import type { StorageApi } from "./storage-api.ts";
import { wellKnown } from "./well-known.ts";

export interface ApiParts {
  readonly caller: CallerDeps;
  readonly sessions: SyncSessions;
  readonly deploymentName: string;
  readonly functions: FunctionApi;
  readonly httpActions: HttpActions;
  readonly signingKeys: SigningKeys;
  readonly admin: AdminApi;
  readonly storage: StorageApi;
  /** Largest upload, bytes. */
  readonly maxFileBytes: number;
  readonly push: PushApi;
  readonly functionLog: FunctionLog;
  readonly metrics: () => string;
  readonly onBug: (error: unknown) => void;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Another process listens where this one should. */
export class PortInUse extends Error {
  override readonly name = "PortInUse";
  readonly code = "PortInUse";
  constructor({ host, port }: Address, options?: ErrorOptions) {
    super(
      `Port ${port} on ${host} is taken: stop what is listening there, or choose another port with --port and --site-port.`,
      options,
    );
  }
}

/** A port nobody listens on at this moment. */
export function reservePort(host: string): number {
  const probe = Bun.listen({ hostname: host, port: 0, socket: { data: () => {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

const SYNC_PATH = /^\/api\/(?:[^/]+\/)?sync$/;
/** Actions may be silent for minutes; they have a limit of their own. */
const LONG_RUNNING = /^\/(?:http\/|api\/(?:action|function|run\/|local\/))/;
/** `convex logs` asks again at once: answer before its own timeout. */
const LOG_POLL_MS = 10_000;
const IDLE_SECONDS = 255;

/** @throws {PortInUse} */
export function serveApi(address: Address, parts: ApiParts): Server<SocketData> {
  return listening(address, () =>
    Bun.serve<SocketData>({
      hostname: address.host,
      port: address.port,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: Math.max(MAX_PUSH_BYTES, parts.maxFileBytes) + 1, // every route has its own bound below this one
      websocket: parts.sessions.handler,
      fetch: async (request, server) => {
        try {
          const ip = server.requestIP(request)?.address ?? null;
          const url = new URL(request.url);
          if (SYNC_PATH.test(url.pathname)) return upgrade(request, server, ip);
          if (LONG_RUNNING.test(url.pathname)) server.timeout(request, 0);
          return await route(url, request, ip, parts);
        } catch (error) {
          return errorReply(error, parts.onBug);
        }
      },
    }),
  );
}

/** @throws {PortInUse} */
export function serveSite(address: Address, { httpActions, onBug }: Pick<ApiParts, "httpActions" | "onBug">): Server<undefined> {
  return listening(address, () =>
    Bun.serve({
      hostname: address.host,
      port: address.port,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: MAX_PUSH_BYTES,
      fetch: async (request, server) => {
        try {
          const url = new URL(request.url);
          server.timeout(request, 0);
          return await httpActions.handle(url.pathname + url.search, request, server.requestIP(request)?.address ?? null);
        } catch (error) {
          return errorReply(error, onBug);
        }
      },
    }),
  );
}

function listening<S>(address: Address, listen: () => S): S {
  try {
    return listen();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") throw new PortInUse(address, { cause });
    throw cause;
  }
}

function upgrade(request: Request, server: Server<SocketData>, ip: string | null): Response | undefined {
  const data: SocketData = { origin: { ip, userAgent: request.headers.get("user-agent") }, session: null, sentAtMs: 0 };
  if (server.upgrade(request, { data })) return undefined;
  throw new HttpError(400, "BadRequest", "This path speaks WebSocket.");
}

async function route(url: URL, request: Request, ip: string | null, parts: ApiParts): Promise<Response> {
  const { pathname } = url;
  if (pathname.startsWith("/http/") || pathname === "/http")
    return parts.httpActions.handle(pathname.slice(5) + url.search, request, ip);
  if (request.method === "OPTIONS") return preflight(request);
  if (pathname.startsWith("/api/")) {
    const name = pathname.slice(5);
    if (name.startsWith("storage/")) return parts.storage.handle(name.slice(8), url, request);
    const answer = (await parts.functions.handle(name, url, request, ip)) ?? (await adminRoute(name, url, request, parts));
    if (answer !== null) return answer;
  }
  const published = wellKnown(pathname, parts.signingKeys);
  if (published !== null) return published;
  switch (pathname) {
    case "/version":
    case "/api/version":
    case "/instance_version":
      return text("local-convex");
    case "/instance_name":
    case "/api/instance_name":
      return text(parts.deploymentName);
    case "/metrics":
      return text(parts.metrics(), "text/plain; version=0.0.4");
    case "/":
      return text("This is a Convex deployment. See https://docs.convex.dev for how to use it.");
    default:
      throw refused(pathname);
  }
}

async function adminRoute(name: string, url: URL, request: Request, parts: ApiParts): Promise<Response | null> {
  if (!/^(deploy2\/|v1\/|get_|update_|stream_|local\/)/.test(name)) return null;
  requireAdmin(request, parts.caller);
  if (name === "stream_function_logs") {
    const cursorMs = Number(url.searchParams.get("cursor") ?? 0);
    return json(await parts.functionLog.after(Number.isFinite(cursorMs) ? cursorMs : 0, LOG_POLL_MS));
  }
  if (name.startsWith("local/")) return parts.admin.handle(name.slice(6), request);
  return parts.push.handle(name, request);
}

const text = (body: string, type = "text/plain"): Response => new Response(body, { headers: { ...CORS, "content-type": type } });

// 400 rather than 404 for what exists on Convex but not here: the CLI retries a 404 for half a minute.
function refused(pathname: string): HttpError {
  if (/^\/api\/(import|export|prepare_schema|.*_snapshot)/.test(pathname)) {
    return new HttpError(400, "Unsupported", `${pathname} is not supported by this deployment yet.`);
  }
  return new HttpError(404, "NotFound", `No route for ${pathname}.`);
}
