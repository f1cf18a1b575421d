// The deployment's own keys: `ctx.auth.signJwt` signs with the newest, `/.well-known/jwks.json` publishes all that may still be in use.
//   K1. A key is in the database before anything is signed with it, so a backup and a restart keep old tokens good.
//   K2. A replaced key is published until every token it signed has expired.
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import type { JsonObject, JsonValue, Store, WriteGroup } from "../engine/index.ts";

const META = "auth:signingKeys";
const ALGORITHM = "ES256";
const MAX_LIFETIME_SECONDS = 3600;
/** Longest life of a token, and five minutes for clocks that differ. */
const KEEP_RETIRED_MS = (MAX_LIFETIME_SECONDS + 300) * 1000;
const RESERVED = new Set(["iss", "iat", "exp", "nbf"]);

interface StoredKey {
  readonly kid: string;
  /** The private key; its public half is published. */
  readonly jwk: JWK;
  /** ms since the epoch; null while it is the one that signs. */
  readonly retiredAtMs: number | null;
}

export class SigningKeys {
  #keys: readonly StoredKey[];
  #signing: { readonly kid: string; readonly key: CryptoKey | Uint8Array } | null = null;

  constructor(
    store: Store,
    /** `process.env.CONVEX_CLOUD_URL`: the issuer of every token. */
    private readonly cloudUrl: string,
  ) {
    this.#keys = JSON.parse(store.getMeta(META) ?? "[]");
  }

  /** Makes the first key of a new deployment. Before the deployment serves anybody. */
  async prepare(group: WriteGroup, nowMs: number): Promise<void> {
    const ready = this.#keys.length === 0 ? await this.rotate(group, nowMs) : await this.#ready(this.#keys);
    ready.use();
  }

  /**
   * Stores a new key and retires the old one, which stays published until its tokens have expired (K2).
   * `use` is for after the group's commit: from then on the new key signs (K1).
   */
  async rotate(group: WriteGroup, nowMs: number): Promise<{ readonly kid: string; readonly use: () => void }> {
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    const old = this.#keys
      .map((key) => ({ ...key, retiredAtMs: key.retiredAtMs ?? nowMs }))
      .filter((key) => nowMs - key.retiredAtMs < KEEP_RETIRED_MS);
    const keys = [{ kid, jwk, retiredAtMs: null }, ...old];
    group.putMeta(META, JSON.stringify(keys));
    return this.#ready(keys);
  }

  /** The public halves, as `/.well-known/jwks.json` shows them. */
  published(nowMs: number): { keys: JWK[] } {
    const inUse = this.#keys.filter(({ retiredAtMs }) => retiredAtMs === null || nowMs - retiredAtMs < KEEP_RETIRED_MS);
    return { keys: inUse.map(({ kid, jwk: { d: _private, ...jwk } }) => ({ ...jwk, kid, alg: ALGORITHM, use: "sig" })) };
  }

  /** `/.well-known/openid-configuration`. */
  discovery(): JsonObject {
    return {
      issuer: this.cloudUrl,
      jwks_uri: `${this.cloudUrl}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: [ALGORITHM],
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
    };
  }

  /** @param nowMs the mutation's frozen time. @throws {Error} naming the claim or the lifetime that is not allowed */
  async sign(claims: JsonValue | undefined, expiresInSeconds: number, component: string, nowMs: number): Promise<string> {
    if (this.#signing === null) throw new Error("The deployment's signing key was used before it was made.");
    const issuedAt = Math.floor(nowMs / 1000);
    const { kid, key } = this.#signing;
    return new SignJWT({ ...checkedClaims(claims) })
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid })
      .setIssuer(component === "" ? this.cloudUrl : `${this.cloudUrl}/components/${component}`)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + checkedLifetime(expiresInSeconds))
      .sign(key);
  }

  async #ready(keys: readonly StoredKey[]): Promise<{ kid: string; use: () => void }> {
    const [current] = keys;
    if (current === undefined) throw new Error("The deployment has lost its signing key.");
    const { kid } = current;
    const key = await importJWK(current.jwk, ALGORITHM);
    const use = () => {
      this.#signing = { kid, key };
      this.#keys = keys;
    };
    return { kid, use };
  }
}

function checkedClaims(claims: JsonValue | undefined): JsonObject {
  if (claims === undefined || claims === null) return {};
  if (typeof claims !== "object" || Array.isArray(claims)) throw new Error("signJwt: `claims` must be an object.");
  for (const name of Object.keys(claims)) {
    if (RESERVED.has(name) || /^(convex|cvx)/i.test(name)) {
      throw new Error(`signJwt: the claim ${JSON.stringify(name)} is reserved and may not be set.`);
    }
  }
  return claims;
}

function checkedLifetime(seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 1 && seconds <= MAX_LIFETIME_SECONDS) return Math.floor(seconds);
  throw new Error(`signJwt: \`expiresInSeconds\` must be between 1 and ${MAX_LIFETIME_SECONDS}, got ${seconds}.`);
}
