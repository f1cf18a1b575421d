// The sign-in page's two routes, GET and POST /login/:uid. Who somebody is is decided here; what they get for it in provider.ts.
//
//   G1. A sign-in belongs to the browser that began it: oidc-provider finds it only through its signed cookie, set for this path.
//   G2. A form sent from any other origin is refused. Cookies ignore ports, so every page on localhost is "same site" to the
//       browser, and SameSite alone would let another local server post here.
import type { IncomingMessage, ServerResponse } from "node:http";
import { errors, type Provider } from "oidc-provider";
import type { LoginAttempts } from "./attempts.ts";
import { errorPage, type Page, signInPage } from "./pages.ts";
import { userByPassword } from "./users.ts";

const BODY_LIMIT_BYTES = 4_096;

export interface LoginDeps {
  readonly provider: Provider;
  readonly attempts: LoginAttempts;
  /** The origin this provider is reached at, without a trailing slash. */
  readonly origin: string;
  /** Where a finished sign-in may lead. */
  readonly returnOrigins: readonly string[];
}

/** True for the paths `login` answers. */
export function isLoginPath(path: string): boolean {
  return /^\/login\/[\w-]{1,64}$/.test(path);
}

export async function login(deps: LoginDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (request.method === "GET" || request.method === "HEAD") await show(deps, request, response);
    else if (request.method === "POST") await submit(deps, request, response);
    else send(response, 405, errorPage("Not allowed", "This page is read or sent, nothing else."), { allow: "GET, POST" });
  } catch (error) {
    if (error instanceof errors.SessionNotFound) {
      send(
        response,
        400,
        errorPage(
          "This sign-in is over",
          "It was finished, took too long, or began in another browser. Start again from the application.",
        ),
      );
    } else if (error instanceof FormError) {
      send(response, error.status, errorPage("That did not work", error.message));
    } else throw error;
  }
}

async function show({ provider, returnOrigins }: LoginDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { uid, prompt } = await provider.interactionDetails(request, response);
  // Consent is only ever asked for when an application insists; everyone here consents to everything.
  if (prompt.name === "consent") return provider.interactionFinished(request, response, { consent: {} });
  send(response, 200, signInPage(`/login/${uid}`, { returnOrigins }));
}

async function submit(deps: LoginDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { provider, attempts, returnOrigins } = deps;
  refuseForeignForm(request, deps.origin);
  const form = await readForm(request);
  const { uid } = await provider.interactionDetails(request, response);
  const email = form.get("email") ?? "";
  const again = (status: number, alert: string, headers: Record<string, string> = {}) =>
    send(response, status, signInPage(`/login/${uid}`, { alert, email, returnOrigins }), headers);

  const waitS = attempts.waitS(email);
  if (waitS > 0)
    return again(429, `Too many wrong passwords for this e-mail. Try again in ${waitS} s.`, { "retry-after": String(waitS) });
  const user = userByPassword(email, form.get("password") ?? "");
  if (!user) {
    attempts.failed(email);
    return again(401, "Wrong e-mail or password.");
  }
  attempts.succeeded(email);
  await provider.interactionFinished(request, response, { login: { accountId: user.subject, remember: true, amr: ["pwd"] } });
}

/** G2. Browsers send `Origin` with every form; a client that sends neither header is no browser and holds no cookies but its own. */
function refuseForeignForm(request: IncomingMessage, origin: string): void {
  const site = request.headers["sec-fetch-site"];
  if (
    (site !== undefined && site !== "same-origin") ||
    (request.headers.origin !== undefined && request.headers.origin !== origin)
  ) {
    throw new FormError(403, "The form was sent from another page. Sign in on this page instead.");
  }
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
    throw new FormError(415, "Send the form of the sign-in page.");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > BODY_LIMIT_BYTES) throw new FormError(413, "The form is too large.");
    chunks.push(part);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

/** A form that is not the sign-in page's. */
class FormError extends Error {
  override readonly name = "FormError";
  constructor(
    readonly status: 403 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

function send(response: ServerResponse, status: number, page: Page, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...page.headers, ...headers });
  response.end(page.html);
}
