// In front of every page: the sign-in routes, the gate for signed-in pages, and the headers that say what a page may do.
//   G1. A page that is not public is not rendered for anybody without a session.
//   G2. Every page carries a policy with a nonce of its own.

import { type NextRequest, NextResponse } from "next/server";
import { auth0 } from "./lib/auth0.ts";
import { contentSecurityPolicy, fixedHeaders } from "./lib/security-headers.ts";
import { readSettings } from "./lib/settings.ts";

export const config = { matcher: ["/((?!_next/static|_next/image|icon.svg|favicon.ico).*)"] };

const PUBLIC_PATHS = new Set(["/"]);

export async function proxy(request: NextRequest): Promise<NextResponse> {
  const settings = readSettings();
  const { pathname, search } = request.nextUrl;
  const fromAuth0 = await auth0().middleware(request);
  if (pathname.startsWith("/auth/")) return withHeaders(fromAuth0, fixedHeaders(settings));

  if (!PUBLIC_PATHS.has(pathname) && (await auth0().getSession(request)) === null) {
    if (pathname.startsWith("/api/")) return NextResponse.json({ error: "Sign in first." }, { status: 401 });
    const login = new URL("/auth/login", settings.appBaseUrl);
    login.searchParams.set("returnTo", `${pathname}${search}`);
    return NextResponse.redirect(login);
  }

  const nonce = crypto.randomUUID().replaceAll("-", "");
  const policy = contentSecurityPolicy(nonce, settings, process.env.NODE_ENV === "development");
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("content-security-policy", policy); // Next reads the nonce for its own scripts from here
  const response = NextResponse.next({ request: { headers } });
  for (const cookie of fromAuth0.headers.getSetCookie()) response.headers.append("set-cookie", cookie);
  return withHeaders(response, { ...fixedHeaders(settings), "content-security-policy": policy });
}

function withHeaders(response: NextResponse, headers: Readonly<Record<string, string>>): NextResponse {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}
