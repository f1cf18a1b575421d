// A local stand-in for an Auth0 tenant: listens, and joins the provider with the sign-in page.
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { LoginAttempts } from "./attempts.ts";
import { type Clients, parseClients } from "./clients.ts";
import { PortTakenError } from "./errors.ts";
import { loadKeys } from "./keys.ts";
import { isLoginPath, login } from "./login.ts";
import { createProvider } from "./provider.ts";
import { Store } from "./store.ts";

export interface IdentityOptions {
  /** Where keys and sessions are kept; made when missing. */
  readonly dir: string;
  /** 0 picks a free port. The issuer is `http://localhost:<port>/`. */
  readonly port: number;
  readonly clients: Clients;
  /** The API access tokens are for. @default "https://api.omakase.local" */
  readonly audience?: string;
  /** Milliseconds; only the sign-in attempts read it. */
  readonly nowMs?: () => number;
}

export interface RunningIdentity {
  /** Without a trailing slash: what `AUTH0_DOMAIN` wants. The issuer is this and a slash. */
  readonly url: string;
  /** Safe to repeat. */
  stop(): Promise<void>;
}

/** @throws {PortTakenError} @throws {StateError} when a state file is damaged @throws {ClientsFileError} when the clients are not usable */
export async function startIdentity({
  dir,
  port,
  clients: given,
  audience = "https://api.omakase.local",
  nowMs,
}: IdentityOptions): Promise<RunningIdentity> {
  const clients = parseClients(given);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const keys = await loadKeys(dir);
  const store = new Store(dir);
  const server = createServer();
  try {
    await listen(server, port);
  } catch (error) {
    store.close();
    throw error;
  }
  const address = server.address();
  const origin = `http://localhost:${address !== null && typeof address === "object" ? address.port : port}`;
  const provider = createProvider({ issuer: `${origin}/`, audience, clients, keys, store });
  const deps = {
    provider,
    attempts: new LoginAttempts(nowMs),
    origin,
    returnOrigins: [...new Set(clients.web.redirectUris.map((uri) => new URL(uri).origin))],
  };
  const answer = provider.callback();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    if (!isLoginPath(path)) {
      if (path === "/.well-known/jwks.json") sayJson(response);
      void answer(request, response);
      return;
    }
    login(deps, request, response).catch((error: unknown) => {
      console.error("sign-in failed", error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });

  let stopped: Promise<void> | undefined;
  return {
    url: origin,
    stop() {
      stopped ??= close(server).then(() => store.close());
      return stopped;
    },
  };
}

/** oidc-provider answers `application/jwk-set+json`; Auth0 answers JSON, and so do the parsers written against it expect. */
function sayJson(response: ServerResponse): void {
  const setHeader = response.setHeader.bind(response);
  response.setHeader = (name, value) =>
    setHeader(name, name.toLowerCase() === "content-type" ? "application/json; charset=utf-8" : value);
}

function listen(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") {
      reject(new PortTakenError(`Port ${port} is taken: stop what listens there, or give --port another one.`, { cause: error }));
    } else reject(error);
  });
  server.listen(port, "127.0.0.1", resolve);
  return promise;
}

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  return promise;
}
