// The orchestrator's own token, against local/identity.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startIdentity } from "@omakase/local-identity/identity";
import { createVerifyPerson } from "../inspect/person-token.ts";
import { aLog, refusal } from "../testing/edge.ts";
import { createServiceToken } from "./service-token.ts";

const folder = mkdtempSync(join(tmpdir(), "omakase-service-token-"));
const AUDIENCE = "https://api.omakase.local";
const uris = ["http://localhost:3000/x"];
const identity = await startIdentity({
  dir: folder,
  port: 0,
  audience: AUDIENCE,
  clients: {
    web: { id: "web", secret: "web-secret-0123456789", redirectUris: uris, logoutUris: uris },
    m2m: { id: "orchestrator", secret: "m2m-secret-0123456789" },
  },
});
afterAll(async () => {
  await identity.stop();
  rmSync(folder, { recursive: true, force: true });
});

function setup(over: { clientSecret?: string; issuer?: string } = {}) {
  let at = Date.now();
  const { log, lines } = aLog();
  const settings = {
    issuer: `${identity.url}/`,
    audience: AUDIENCE,
    clientId: "orchestrator",
    clientSecret: "m2m-secret-0123456789",
    ...over,
  };
  const token = createServiceToken(settings, log, () => at);
  return { token, lines, wait: (ms: number) => (at += ms) };
}

test("is asked for once by many at the same time, and kept", async () => {
  const { token } = setup();
  const all = await Promise.all([token(false), token(false), token(false)]);
  expect(new Set([...all, await token(false)]).size).toBe(1);
});

test("is asked for anew before it expires, and when it was refused, but not in a storm", async () => {
  const { token, wait } = setup();
  const first = await token(false);
  expect(await token(true)).toBe(first);
  wait(3_000);
  const second = await token(true);
  expect(second).not.toBe(first);
  wait(48 * 3_600_000);
  expect(await token(false)).not.toBe(second);
});

test("that is refused, or cannot be asked for, is tried again later, and the secret is in no line", async () => {
  for (const over of [{ clientSecret: "wrong-secret-0123456789" }, { issuer: "http://127.0.0.1:1/" }]) {
    const { token, lines } = setup(over);
    expect(await refusal(token(false))).toMatchObject({ code: "unanswered", retryable: true });
    expect(lines.join()).not.toContain("secret-0123456789");
  }
});

test("is no person's", async () => {
  const { token } = setup();
  const verify = createVerifyPerson({ issuer: `${identity.url}/`, audience: AUDIENCE });
  expect(await verify(await token(false))).toBeNull();
  for (const other of ["", "x.y.z", `${await token(false)}x`]) expect(await verify(other)).toBeNull();
});
