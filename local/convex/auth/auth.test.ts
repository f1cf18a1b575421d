// Identity of callers: tokens over HTTP and sync, key rotation, expiry, changes of identity, the admin key.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { ADMIN_KEY, eventually, publicKeys, startFixture, tempDir, userToken } from "../testing/fixture-deployment.ts";
import { adminIdentity, readOrMakeAdminKey } from "./admin-key.ts";
import { parseAuthConfig } from "./providers.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
let issuer: { url: string; keyId: string; fetches: number; stop: () => void };

beforeAll(async () => {
  issuer = serveIssuer();
  server = await startFixture({ variables: { AUTH_DOMAIN: issuer.url }, keyCooldownMs: 0 });
});
afterAll(async () => {
  await server.stop();
  issuer.stop();
});

/** An OpenID issuer that publishes the test's key under a name that can be changed. */
function serveIssuer() {
  const state = { url: "", keyId: "first", fetches: 0, stop: () => {} };
  const http = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      if (new URL(request.url).pathname === "/.well-known/openid-configuration") {
        return Response.json({ issuer: state.url, jwks_uri: `${state.url}/keys` });
      }
      state.fetches += 1;
      return Response.json(await publicKeys(state.keyId));
    },
  });
  state.url = `http://127.0.0.1:${http.port}`;
  state.stop = () => void http.stop(true);
  return state;
}

const asUser = async (...args: Parameters<typeof userToken>) =>
  new ConvexHttpClient(server.url, { logger: false, auth: await userToken(...args) });

describe("tokens over HTTP", () => {
  test("a valid token gives functions its claims in camelCase", async () => {
    const me = await (await asUser("u1", { claims: { given_name: "Uma", role: "admin" } })).query(app.messages.whoAmI, {});
    expect(me).toEqual({
      tokenIdentifier: "https://issuer.test|u1",
      subject: "u1",
      issuer: "https://issuer.test",
      name: "Name of u1",
      givenName: "Uma",
      emailVerified: true,
      role: "admin",
    });
  });

  test("no token is nobody", async () => {
    expect(await new ConvexHttpClient(server.url, { logger: false }).query(app.messages.whoAmI, {})).toBeNull();
  });

  const refusals: [string, Parameters<typeof userToken>[1], string][] = [
    ["an unknown issuer", { issuer: "https://elsewhere.test" }, "NoAuthProvider"],
    ["another application's audience", { audience: "somebody else" }, "NoAuthProvider"],
    ["an expired token", { lifetimeSeconds: -60 }, "InvalidAuthHeader"],
    ["a key the issuer does not have", { keyId: "forged" }, "InvalidAuthHeader"],
  ];
  for (const [what, overrides, code] of refusals) {
    test(`${what} fails the request with 401 ${code}`, async () => {
      const response = await fetch(`${server.url}/api/query`, {
        method: "POST",
        headers: { authorization: `Bearer ${await userToken("u1", overrides)}` },
        body: JSON.stringify({ path: "messages:whoAmI", args: {}, format: "json" }),
      });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code });
    });
  }

  test("a token whose signature was tampered with is refused", async () => {
    const token = await userToken("u1");
    const client = new ConvexHttpClient(server.url, { logger: false, auth: `${token.slice(0, -8)}AAAAAAAA` });
    await expect(client.query(app.messages.whoAmI, {})).rejects.toThrow("signature");
  });
});

describe("OpenID providers", () => {
  test("keys are discovered, kept, and fetched again when a token names a new one", async () => {
    const oidc = { issuer: issuer.url, audience: "fixture-oidc" };
    expect(await (await asUser("o1", { ...oidc, keyId: "first" })).query(app.messages.whoAmI, {})).toMatchObject({
      subject: "o1",
    });
    expect(await (await asUser("o2", { ...oidc, keyId: "first" })).query(app.messages.whoAmI, {})).toMatchObject({
      subject: "o2",
    });
    expect(issuer.fetches).toBe(1);
    issuer.keyId = "rotated";
    expect(await (await asUser("o3", { ...oidc, keyId: "rotated" })).query(app.messages.whoAmI, {})).toMatchObject({
      subject: "o3",
    });
    expect(issuer.fetches).toBe(2);
  });
});

describe("identity over sync", () => {
  test("signing in and out runs the session's queries again as the new identity", async () => {
    const client = new ConvexClient(server.url, { logger: false });
    const seen: (string | null)[] = [];
    client.onUpdate(app.messages.whoAmI, {}, (me) => void seen.push(me === null ? null : String(me.subject)));
    await eventually(() => seen.length === 1, "answered as nobody");
    const changes: boolean[] = [];
    client.setAuth(
      async () => userToken("first"),
      (isAuthenticated) => void changes.push(isAuthenticated),
    );
    await eventually(() => seen.at(-1) === "first", "answered as first");
    client.setAuth(async () => userToken("second"));
    await eventually(() => seen.at(-1) === "second", "answered as second");
    client.client.clearAuth();
    await eventually(() => seen.at(-1) === null, "answered as nobody again");
    expect(changes[0]).toBe(true);
    await client.close();
  });

  test("two people asking the same query never see each other's answer (Q2)", async () => {
    const people = await Promise.all(
      ["ann", "bob"].map(async (name) => {
        const client = new ConvexClient(server.url, { logger: false });
        const token = await userToken(name);
        client.setAuth(async () => token);
        const seen: string[] = [];
        client.onUpdate(app.messages.whoAmI, {}, (me) => void seen.push(String(me?.subject)));
        return { client, name, seen };
      }),
    );
    for (const { name, seen } of people) await eventually(() => seen.at(-1) === name, `${name} sees ${name}`);
    expect(people.map(({ seen }) => new Set(seen.filter((subject) => subject !== "undefined")).size)).toEqual([1, 1]);
    await Promise.all(people.map(({ client }) => client.close()));
  });

  test("a refused token is reported, and the client goes on as nobody", async () => {
    const client = new ConvexClient(server.url, { logger: false });
    const bad = await userToken("x", { audience: "somebody else" });
    const changes: boolean[] = [];
    client.setAuth(
      async () => bad,
      (isAuthenticated) => void changes.push(isAuthenticated),
    );
    await eventually(() => changes.length > 0, "the client hears of the refusal");
    expect(changes).toEqual([false]);
    const seen: unknown[] = [];
    client.onUpdate(app.messages.whoAmI, {}, (me) => void seen.push(me));
    await eventually(() => seen.length > 0, "queries are answered");
    expect(seen).toEqual([null]);
    await client.close();
  });

  test("a token that expires while connected is not used any more: the client fetches another and its mutation arrives once", async () => {
    const client = new ConvexClient(server.url, { logger: false });
    const short = await userToken("short", { lifetimeSeconds: -3 }); // still within the leeway of 5 s
    let fetches = 0;
    client.setAuth(async () => (fetches++ === 0 ? short : userToken("short")));
    const seen: (string | undefined)[] = [];
    client.onUpdate(app.messages.whoAmI, {}, (me) => void seen.push(me === null ? undefined : String(me.subject)));
    await eventually(() => seen.at(-1) === "short", "signed in");
    await new Promise((resolve) => setTimeout(resolve, 2500)); // the leeway runs out: nothing observable happens until the token is used
    await client.mutation(app.messages.sendAsMe, { channel: "expiry", body: "once" });
    const rows = await new ConvexHttpClient(server.url, { logger: false }).query(app.messages.list, { channel: "expiry" });
    expect(rows.map(({ author, body }) => [author, body])).toEqual([["short", "once"]]);
    expect(fetches).toBeGreaterThan(1);
    await client.close();
  });
});

describe("the admin key", () => {
  test("reaches internal functions, which users cannot tell from missing ones", async () => {
    const user = await asUser("u1");
    await expect(user.query(app.messages.secret, {})).rejects.toThrow("Could not find public function for 'messages:secret'");
    await expect(user.query({ ...app.messages.secret }, {})).rejects.toThrow();
    const admin = new ConvexHttpClient(server.url, { logger: false }) as ConvexHttpClient & {
      setAdminAuth(key: string, as?: object): void;
    };
    admin.setAdminAuth(ADMIN_KEY);
    expect(await admin.query(app.messages.secret, {})).toBe("only for the app itself");
    admin.setAdminAuth(ADMIN_KEY, { subject: "ghost", issuer: "https://x.test", name: "Ghöst" });
    expect(await admin.query(app.messages.whoAmI, {})).toEqual({
      subject: "ghost",
      issuer: "https://x.test",
      name: "Ghöst",
      tokenIdentifier: "https://x.test|ghost",
    });
    admin.setAdminAuth("local|wrong");
    await expect(admin.query(app.messages.secret, {})).rejects.toThrow("BadAdminKey");
  });

  test("is made once, readable by its owner only", async () => {
    const { dir, remove } = tempDir();
    const key = readOrMakeAdminKey(dir);
    expect(readOrMakeAdminKey(dir)).toBe(key);
    expect((await Bun.file(`${dir}/admin.key`).stat()).mode & 0o777).toBe(0o600);
    expect(adminIdentity(key.slice(key.indexOf("|") + 1), key)).toEqual({ kind: "admin", actingAs: null });
    expect(() => adminIdentity("", key)).toThrow("invalid");
    remove();
  });
});

describe("auth.config", () => {
  test("what cannot be a provider is named", () => {
    expect(() => parseAuthConfig({})).toThrow("providers");
    expect(() => parseAuthConfig({ providers: [{ domain: "a.test" }] })).toThrow("providers[0].applicationID");
    expect(() =>
      parseAuthConfig({ providers: [{ type: "customJwt", issuer: "https://a", jwks: "x", algorithm: "HS256" }] }),
    ).toThrow("HS256");
  });
});
