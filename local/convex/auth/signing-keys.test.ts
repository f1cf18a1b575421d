// Tokens the deployment signs, verified by jose as any service would, and by the deployment itself through the stock client.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { Store } from "../engine/index.ts";
import { app } from "../testing/fixture-api.ts";
import { startFixture, tempDir } from "../testing/fixture-deployment.ts";
import { SigningKeys } from "./signing-keys.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
let client: ConvexHttpClient;
beforeAll(async () => {
  server = await startFixture();
  client = new ConvexHttpClient(server.url, { logger: false });
});
afterAll(() => server.stop());

const sign = (claims: object, expiresInSeconds = 60) =>
  client.mutation(app.surroundings.signToken, { claims: JSON.stringify(claims), expiresInSeconds });

describe("ctx.auth.signJwt", () => {
  test("signs what anybody can verify against the published keys", async () => {
    const token = await sign({ sub: "agent-7", aud: "own", runs: [1, 2] });
    const discovery = (await (await fetch(`${server.url}/.well-known/openid-configuration`)).json()) as { jwks_uri: string };
    const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
      issuer: server.url,
      audience: "own",
    });
    expect(protectedHeader).toMatchObject({ alg: "ES256", typ: "JWT" });
    expect(payload).toMatchObject({ sub: "agent-7", runs: [1, 2] });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  });

  test("the deployment takes its own tokens when auth.config names it", async () => {
    const user = new ConvexHttpClient(server.url, { logger: false });
    user.setAuth(await sign({ sub: "agent-8", aud: "own" }));
    expect(await user.query(app.messages.whoAmI, {})).toMatchObject({ subject: "agent-8", issuer: server.url });
  });

  test("reserved claims and lifetimes outside a second to an hour are refused by name", async () => {
    for (const claim of ["iss", "iat", "exp", "nbf", "convexRole", "CVXthing"]) {
      await expect(sign({ [claim]: 1 })).rejects.toThrow(`the claim "${claim}" is reserved`);
    }
    for (const seconds of [0, -1, 3601]) await expect(sign({}, seconds)).rejects.toThrow("must be between 1 and 3600");
  });

  test("the published keys are public", async () => {
    const text = await (await fetch(`${server.url}/.well-known/jwks.json`)).text();
    expect(Object.keys(JSON.parse(text).keys[0]).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });
});

test("keys outlive a restart (K1); a replaced key is published until its tokens have expired (K2)", async () => {
  const { dir, remove } = tempDir();
  let nowMs = Date.UTC(2026, 0, 1);
  const open = async () => {
    const store = Store.open(`${dir}/convex.sqlite`, { synchronous: "NORMAL" });
    const keys = new SigningKeys(store, "http://127.0.0.1");
    const group = store.beginGroup();
    await keys.prepare(group, nowMs);
    group.commit();
    return { store, keys };
  };
  const first = await open();
  const [old] = first.keys.published(nowMs).keys;
  first.store.close();
  const { store, keys } = await open();
  expect(keys.published(nowMs).keys).toEqual([expect.objectContaining({ kid: old?.kid })]);
  const group = store.beginGroup();
  const { kid: newer, use } = await keys.rotate(group, nowMs);
  group.commit();
  expect(decodeProtectedHeader(await keys.sign({}, 60, "", nowMs)).kid).toBe(old?.kid);
  use();
  expect(decodeProtectedHeader(await keys.sign({}, 60, "", nowMs)).kid).toBe(newer);
  const published = () => keys.published(nowMs).keys.map(({ kid }) => kid);
  expect(published()).toEqual([newer, old?.kid]);
  nowMs += 3_600_000;
  expect(published()).toHaveLength(2);
  nowMs += 600_000;
  expect(published()).toEqual([newer]);
  store.close();
  remove();
});
