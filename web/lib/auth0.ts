// Signing in, with the stock Auth0 SDK. Server only. Made when first used: a build has no settings.

import { Auth0Client } from "@auth0/nextjs-auth0/server";
import { connection } from "next/server";

let client: Auth0Client | null = null;

/** Reads AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET, AUTH0_SECRET, AUTH0_AUDIENCE and APP_BASE_URL. */
export function auth0(): Auth0Client {
  client ??= new Auth0Client({
    // Plain http is for a provider on this very machine only.
    allowInsecureRequests: isLoopback(process.env.AUTH0_DOMAIN),
    authorizationParameters: { audience: process.env.AUTH0_AUDIENCE, scope: "openid profile email offline_access" },
    // The browser gets its token from /api/token, which keeps the session cookie's attributes.
    enableAccessTokenEndpoint: false,
    signInReturnToPath: "/projects",
    // Without this hook the SDK drops every claim it does not know.
    beforeSessionSaved: async (session) => session,
  });
  return client;
}

function isLoopback(domain: string | undefined): boolean {
  if (!domain) return false;
  const url = domain.includes("://") ? domain : `https://${domain}`;
  return URL.canParse(url) && new URL(url).hostname === "localhost";
}

/** Claims of Omakase's own in the ID token. */
const CLAIM = "https://omakase.dev/";

/** Who is signed in, as the token has it. What they may do is Convex's to say, per organisation. */
export interface SignedIn {
  readonly name: string;
  readonly email: string;
}

/** Null when nobody is. */
export async function signedIn(): Promise<SignedIn | null> {
  await connection(); // never while building: there are no settings then
  const session = await auth0().getSession();
  if (session === null) return null;
  const text = (...names: string[]) =>
    names.map((name): unknown => session.user[name]).find((value) => typeof value === "string" && value !== "");
  const email = String(text("email", `${CLAIM}email`) ?? "");
  return { name: String(text(`${CLAIM}name`, "name") ?? email), email };
}
