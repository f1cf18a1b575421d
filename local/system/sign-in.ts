// Signs a person in as a browser would: authorisation code with PKCE, through the sign-in page, to an access token.

import { createHash, randomBytes } from "node:crypto";
import { USERS } from "@omakase/local-identity/users";
import type { Launch } from "@omakase/local-launcher/launch";
import { SAMPLE } from "@omakase/local-launcher/stack";

const MAX_REDIRECTS = 10;

/** @param name "Ada", "Dana" or "Vic" @returns an access token for the API */
export async function signIn(launch: Launch, name: string): Promise<string> {
  const user = USERS.find((candidate) => candidate.name === name);
  if (!user) throw new Error(`there is no user ${name}`);
  const issuer = launch.stack.urls.identity;
  const callback = `${launch.stack.urls.web}/auth/callback`;
  const verifier = randomBytes(32).toString("base64url");
  const browser = new CookieJar();
  const authorize = new URL(`${issuer}/authorize`);
  authorize.search = new URLSearchParams({
    client_id: SAMPLE.webClientId,
    response_type: "code",
    redirect_uri: callback,
    scope: "openid profile email",
    audience: SAMPLE.audience,
    state: "sign-in",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  }).toString();

  const page = await browser.follow(authorize.href, callback);
  const done = await browser.follow(page, callback, new URLSearchParams({ email: user.email, password: user.password }));
  const code = new URL(done).searchParams.get("code");
  if (!code) throw new Error(`signing ${name} in did not end with a code, but at ${done}`);
  const answer = await fetch(`${issuer}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: SAMPLE.webClientId,
      client_secret: launch.secrets.auth0ClientSecret,
      code,
      redirect_uri: callback,
      code_verifier: verifier,
    }),
  });
  const { access_token } = (await answer.json()) as { access_token?: string };
  if (!access_token) throw new Error(`the identity provider gave no token: HTTP ${answer.status}`);
  return access_token;
}

class CookieJar {
  private readonly cookies = new Map<string, string>();

  /** Follows redirects until a page, or until `stopAt`. @returns where it ended */
  async follow(from: string, stopAt: string, form?: URLSearchParams): Promise<string> {
    let url = from;
    let body = form;
    for (let hop = 0; hop < MAX_REDIRECTS; hop++) {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const response = await fetch(url, { method: body ? "POST" : "GET", body, redirect: "manual", headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [pair = ""] = line.split(";");
        const at = pair.indexOf("=");
        this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
      }
      const location = response.headers.get("location");
      if (!location) {
        if (!response.ok) throw new Error(`${url} answered ${response.status}`);
        return url;
      }
      url = new URL(location, url).href;
      if (url.startsWith(stopAt)) return url;
      body = undefined;
    }
    throw new Error(`signing in went round in circles at ${url}`);
  }
}
