// The whole way in and out, over plain HTTP as a browser and an application would go, with tokens judged by `jose`.
import { afterAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { z } from "zod";
import { type Clients, readClients } from "./clients.ts";
import { ClientsFileError, PortTakenError, StateError } from "./errors.ts";
import { startIdentity } from "./identity.ts";
import { CLAIMS, USERS, type User } from "./users.ts";

const AUDIENCE = "https://api.omakase.local";
const CALLBACK = "http://localhost:3000/auth/callback";
const HOME = "http://localhost:3000/";
const clients: Clients = {
  web: { id: "web-client", secret: "web-secret-0123456789", redirectUris: [CALLBACK], logoutUris: [HOME] },
  m2m: { id: "orchestrator", secret: "m2m-secret-0123456789" },
};
const ada = userNamed("Ada");
const vic = userNamed("Vic");

const folder = await mkdtemp(join(tmpdir(), "omakase-identity-"));
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await rm(folder, { recursive: true });
});

async function setup(over: { readonly dir?: string; readonly port?: number; readonly nowMs?: () => number } = {}) {
  const dir = over.dir ?? join(folder, crypto.randomUUID());
  const identity = await startIdentity({ port: 0, clients, ...over, dir });
  stops.push(identity.stop);
  return { ...identity, dir, port: Number(new URL(identity.url).port), browser: new Browser(identity.url) };
}

/** Keeps cookies by path, follows nothing by itself. */
class Browser {
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>();
  constructor(readonly origin: string) {}

  async visit(url: string, init: RequestInit = {}): Promise<Response> {
    const target = new URL(url, this.origin);
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => target.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
    const response = await fetch(target, { redirect: "manual", ...init, headers: { ...Object(init.headers), cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? "/";
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, { value, path });
    }
    return response;
  }

  submit(url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    return this.visit(url, { method: "POST", body: new URLSearchParams(fields), headers: { origin: this.origin, ...headers } });
  }
}

function userNamed(name: string): User {
  const user = USERS.find((candidate) => candidate.name === name);
  if (!user) throw new Error(`no user ${name}`);
  return user;
}

/** Goes to /authorize, as the Auth0 SDK sends a browser there. Returns the sign-in page's address. */
async function begin(browser: Browser, verifier: string, more: Record<string, string> = {}): Promise<string> {
  const query = new URLSearchParams({
    client_id: clients.web.id,
    redirect_uri: CALLBACK,
    response_type: "code",
    scope: "openid profile email offline_access orchestrate",
    audience: AUDIENCE,
    state: "the-state",
    nonce: "the-nonce",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...more,
  });
  return locationOf(await browser.visit(`/authorize?${query}`));
}

function locationOf(response: Response): string {
  const location = response.headers.get("location");
  if (location === null) throw new Error(`no redirect but ${response.status}`);
  return location;
}

const tokenAnswer = z.object({
  access_token: z.string(),
  id_token: z.string().optional(),
  refresh_token: z.string().optional(),
  scope: z.string().optional(),
  expires_in: z.number(),
  token_type: z.literal("Bearer"),
});

async function askForToken(origin: string, fields: Record<string, string>): Promise<Response> {
  return fetch(`${origin}/oauth/token`, { method: "POST", body: new URLSearchParams(fields) });
}
const web = { client_id: clients.web.id, client_secret: clients.web.secret };
const m2m = { client_id: clients.m2m.id, client_secret: clients.m2m.secret };

async function signIn(browser: Browser, user: User) {
  const verifier = randomBytes(32).toString("base64url");
  const page = await begin(browser, verifier);
  const back = locationOf(await browser.submit(page, { email: user.email, password: user.password }));
  const callback = new URL(locationOf(await browser.visit(back)));
  expect(callback.origin + callback.pathname).toBe(CALLBACK);
  expect(callback.searchParams.get("state")).toBe("the-state");
  const answer = await askForToken(browser.origin, {
    ...web,
    grant_type: "authorization_code",
    code: callback.searchParams.get("code") ?? "",
    redirect_uri: CALLBACK,
    code_verifier: verifier,
  });
  return tokenAnswer.parse(await answer.json());
}

async function verify(origin: string, token: string, audience = AUDIENCE) {
  const keys = createRemoteJWKSet(new URL(`${origin}/.well-known/jwks.json`));
  const { payload } = await jwtVerify(token, keys, { issuer: `${origin}/`, audience, algorithms: ["RS256"] });
  return payload;
}

describe("signing in", () => {
  test("I1: a person gets an RS256 access token for the API with roles, e-mail and name, and an ID token that says the same", async () => {
    const { url, browser } = await setup();
    const tokens = await signIn(browser, ada);
    const access = await verify(url, tokens.access_token);
    expect(access).toMatchObject({
      sub: "auth0|ada",
      aud: AUDIENCE,
      azp: clients.web.id,
      [CLAIMS.roles]: ["admin"],
      [CLAIMS.email]: ada.email,
      [CLAIMS.name]: "Ada",
    });
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: "RS256", typ: "JWT" });
    const idToken = await verify(url, tokens.id_token ?? "", clients.web.id);
    expect(idToken).toMatchObject({
      sub: "auth0|ada",
      nonce: "the-nonce",
      name: "Ada",
      email: ada.email,
      email_verified: true,
      [CLAIMS.roles]: ["admin"],
    });
  });

  test("each of the three has a role of their own, and userinfo agrees", async () => {
    const { url } = await setup();
    for (const user of USERS) {
      const tokens = await signIn(new Browser(url), user);
      expect((await verify(url, tokens.access_token))[CLAIMS.roles]).toEqual([user.role]);
    }
  });

  test("I2: a person who asks for `orchestrate` does not get it", async () => {
    const { url, browser } = await setup();
    const tokens = await signIn(browser, vic);
    expect(`${tokens.scope} ${(await verify(url, tokens.access_token)).scope}`).not.toContain("orchestrate");
  });

  test("a second sign-in in the same browser asks nothing", async () => {
    const { browser } = await setup();
    await signIn(browser, ada);
    const straightBack = new URL(await begin(browser, "x".repeat(43)));
    expect(straightBack.origin + straightBack.pathname).toBe(CALLBACK);
    expect(straightBack.searchParams.get("code")).toBeTruthy();
  });

  test("an application that insists on consent gets it without a question", async () => {
    const { browser } = await setup();
    const page = await begin(browser, "x".repeat(43), { prompt: "login consent" });
    const afterLogin = locationOf(await browser.submit(page, { email: ada.email, password: ada.password }));
    const consent = locationOf(await browser.visit(afterLogin));
    const back = locationOf(await browser.visit(locationOf(await browser.visit(consent))));
    expect(new URL(back).searchParams.get("code")).toBeTruthy();
  });

  test("a wrong password is said on the page, and the right one still works after it", async () => {
    const { browser } = await setup();
    const page = await begin(browser, "x".repeat(43));
    const refused = await browser.submit(page, { email: ada.email, password: "guess" });
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain('<p role="alert">Wrong e-mail or password.</p>');
    expect((await browser.submit(page, { email: ada.email, password: ada.password })).status).toBe(303);
  });

  test("an application must send a registered callback, and the code works once", async () => {
    const { url, browser } = await setup();
    const foreign = await browser.visit(
      `/authorize?client_id=${clients.web.id}&response_type=code&scope=openid&redirect_uri=http://evil.example/`,
    );
    expect(foreign.status).toBe(400);
    expect(await foreign.text()).toContain("Sign-in failed");

    const verifier = "v".repeat(43);
    const back = locationOf(await browser.submit(await begin(browser, verifier), { email: ada.email, password: ada.password }));
    const code = new URL(locationOf(await browser.visit(back))).searchParams.get("code") ?? "";
    const redeem = () =>
      askForToken(url, { ...web, grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: verifier });
    expect((await redeem()).status).toBe(200);
    expect(await (await redeem()).json()).toMatchObject({ error: "invalid_grant" });
  });
});

describe("the sign-in page", () => {
  test("shows the three people with their passwords, loads nothing from anywhere, and cannot be framed", async () => {
    const { browser } = await setup();
    const response = await browser.visit(await begin(browser, "x".repeat(43)));
    const html = await response.text();
    for (const user of USERS) expect(html).toContain(user.password);
    expect(html).not.toMatch(/<(script|img|iframe|link rel="stylesheet)/);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self' http://localhost:3000");
  });

  test("escapes what was typed", async () => {
    const { browser } = await setup();
    const page = await begin(browser, "x".repeat(43));
    const html = await (await browser.submit(page, { email: '"><script>alert(1)</script>', password: "x" })).text();
    expect(html).not.toContain("<script>alert");
  });

  test.each([
    ["another port of localhost", { origin: "http://localhost:3000" }],
    ["another site", { origin: "https://evil.example" }],
    ["a page without an origin", { origin: "null" }],
    ["another site, as the browser says", { "sec-fetch-site": "same-site" }],
  ])("G2: refuses a form sent from %s", async (_, headers) => {
    const { browser } = await setup();
    const page = await begin(browser, "x".repeat(43));
    expect((await browser.submit(page, { email: ada.email, password: ada.password }, headers)).status).toBe(403);
  });

  test("G1: is of no use to another browser, nor without a sign-in", async () => {
    const { url, browser } = await setup();
    const page = await begin(browser, "x".repeat(43));
    const stranger = new Browser(url);
    expect((await stranger.submit(page, { email: ada.email, password: ada.password })).status).toBe(400);
    expect((await stranger.visit("/login/nothing")).status).toBe(400);
  });

  test("bounds what it reads, and only reads forms", async () => {
    const { browser } = await setup();
    const page = await begin(browser, "x".repeat(43));
    expect((await browser.submit(page, { email: "x".repeat(5_000), password: "" })).status).toBe(413);
    expect(
      (await browser.visit(page, { method: "POST", body: "{}", headers: { "content-type": "application/json" } })).status,
    ).toBe(415);
    expect((await browser.visit(page, { method: "DELETE" })).status).toBe(405);
  });

  test("lets nobody guess more than ten times a minute, and nobody else wait for it", async () => {
    let now = 1_000_000;
    const { browser } = await setup({ nowMs: () => now });
    const page = await begin(browser, "x".repeat(43));
    const guess = async (email: string, password: string) => (await browser.submit(page, { email, password })).status;
    for (let count = 0; count < 10; count += 1) expect(await guess(ada.email, "guess")).toBe(401);
    const waiting = await browser.submit(page, { email: ada.email.toUpperCase(), password: ada.password });
    expect(waiting.status).toBe(429);
    expect(waiting.headers.get("retry-after")).toBe("60");
    expect(await guess(vic.email, "guess")).toBe(401);
    now += 60_000;
    expect(await guess(ada.email, ada.password)).toBe(303);
  });
});

describe("tokens", () => {
  const refresh = (origin: string, token: string) =>
    askForToken(origin, { ...web, grant_type: "refresh_token", refresh_token: token });

  test("a refresh token gives new ones, as often as it is used", async () => {
    const { url, browser } = await setup();
    const first = await signIn(browser, ada);
    for (let count = 0; count < 2; count += 1) {
      const next = tokenAnswer.parse(await (await refresh(url, first.refresh_token ?? "")).json());
      expect(next.access_token).not.toBe(first.access_token);
      expect(await verify(url, next.access_token)).toMatchObject({ sub: "auth0|ada", aud: AUDIENCE, [CLAIMS.roles]: ["admin"] });
    }
  });

  test("a revoked refresh token is worth nothing", async () => {
    const { url, browser } = await setup();
    const { refresh_token: token = "" } = await signIn(browser, ada);
    const revoked = await fetch(`${url}/oauth/revoke`, { method: "POST", body: new URLSearchParams({ ...web, token }) });
    expect(revoked.status).toBe(200);
    expect(await (await refresh(url, token)).json()).toMatchObject({ error: "invalid_grant" });
  });

  test("after a restart the refresh token works, old tokens verify, and the browser is still signed in", async () => {
    const first = await setup();
    const before = await signIn(first.browser, ada);
    await first.stop();
    const second = await setup({ dir: first.dir, port: first.port });
    expect(second.url).toBe(first.url);
    expect((await refresh(second.url, before.refresh_token ?? "")).status).toBe(200);
    expect(await verify(second.url, before.access_token)).toMatchObject({ sub: "auth0|ada" });
    expect(new URL(await begin(first.browser, "x".repeat(43))).origin).toBe("http://localhost:3000");
  });

  test("I3: a machine gets `orchestrate` and the subject `<client>@clients`, whether it names the scope or not", async () => {
    const { url } = await setup();
    const asked = { ...m2m, grant_type: "client_credentials", audience: AUDIENCE };
    for (const fields of [asked, { ...asked, scope: "orchestrate" }]) {
      const answer = await askForToken(url, fields);
      const tokens = tokenAnswer.parse(await answer.json());
      expect(await verify(url, tokens.access_token)).toMatchObject({
        sub: "orchestrator@clients",
        aud: AUDIENCE,
        scope: "orchestrate",
        gty: "client-credentials",
      });
    }
  });

  test.each([
    ["a wrong secret", { ...m2m, client_secret: "wrong" }, "invalid_client"],
    ["an unknown client", { ...m2m, client_id: "nobody" }, "invalid_client"],
    ["a foreign audience", { ...m2m, audience: "https://else.example" }, "invalid_target"],
    ["the web's client, which is no machine", web, "invalid_request"],
  ])("a machine with %s gets none", async (_, fields, error) => {
    const { url } = await setup();
    const answer = await askForToken(url, { audience: AUDIENCE, ...fields, grant_type: "client_credentials" });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await answer.json()).toMatchObject({ error });
  });
});

describe("what Auth0's SDK and Convex look up", () => {
  test("the issuer ends with a slash, and the routes are Auth0's", async () => {
    const { url } = await setup();
    expect(await (await fetch(`${url}/.well-known/openid-configuration`)).json()).toMatchObject({
      issuer: `${url}/`,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/oauth/token`,
      revocation_endpoint: `${url}/oauth/revoke`,
      jwks_uri: `${url}/.well-known/jwks.json`,
      end_session_endpoint: `${url}/oidc/logout`,
    });
  });

  test("the key set is JSON, and holds nothing private", async () => {
    const { url } = await setup();
    const response = await fetch(`${url}/.well-known/jwks.json`);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    const keys = z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).parse(await response.json()).keys;
    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  });

  test("an unknown route is an error, not an empty 200", async () => {
    const { url } = await setup();
    expect((await fetch(`${url}/api/v2/users`)).status).toBe(404);
  });
});

describe("signing out", () => {
  test("ends the session by itself, and leads back only to a registered address", async () => {
    const { browser } = await setup();
    const tokens = await signIn(browser, ada);
    const query = new URLSearchParams({
      client_id: clients.web.id,
      post_logout_redirect_uri: HOME,
      id_token_hint: tokens.id_token ?? "",
    });
    const page = await browser.visit(`/oidc/logout?${query}`);
    const html = await page.text();
    const script = /<script>(.*)<\/script>/.exec(html)?.[1] ?? "";
    expect(page.headers.get("content-security-policy")).toContain(
      `script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`,
    );
    const action = /action="([^"]+)"/.exec(html)?.[1] ?? "";
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1] ?? "";
    expect(locationOf(await browser.submit(action, { xsrf, logout: "yes" }))).toBe(HOME);
    expect(new URL(await begin(browser, "x".repeat(43)), browser.origin).pathname).toStartWith("/login/");

    query.set("post_logout_redirect_uri", "http://evil.example/");
    expect((await browser.visit(`/oidc/logout?${query}`)).status).toBe(400);
  });
});

describe("starting", () => {
  test("state is readable by its owner only", async () => {
    const { dir } = await setup();
    for (const name of ["keys.json", "identity.sqlite"]) expect((await stat(join(dir, name))).mode & 0o077).toBe(0);
  });

  test("a taken port, a damaged key file and a damaged database are each one sentence", async () => {
    const { port, dir, stop } = await setup();
    await expect(setup({ port })).rejects.toThrow(PortTakenError);
    await stop();
    await chmod(join(dir, "keys.json"), 0o600);
    await writeFile(join(dir, "keys.json"), "{");
    await expect(setup({ dir })).rejects.toThrow(StateError);
    const other = join(folder, "damaged");
    await (await setup({ dir: other })).stop();
    await writeFile(join(other, "identity.sqlite"), "this is no database at all, whatever its name says".repeat(100));
    await expect(setup({ dir: other })).rejects.toThrow("is not a usable database");
  });

  test("a clients file is refused with every field that is wrong", async () => {
    const file = join(folder, "clients.json");
    await writeFile(file, JSON.stringify({ web: { ...clients.web, secret: "short", redirectUris: ["javascript:alert(1)"] } }));
    const refusal: unknown = await readClients(file).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ClientsFileError);
    for (const field of ["web.secret", "web.redirectUris.0", "m2m"]) expect(String(refusal)).toContain(field);
    await writeFile(file, "{");
    await expect(readClients(file)).rejects.toThrow("is not JSON");
    await expect(readClients(join(folder, "none.json"))).rejects.toThrow("cannot be read");
  });
});
