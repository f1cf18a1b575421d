// Public keys of token issuers: fetched on first use, kept, and fetched again when a token names a key that is not known yet.
import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";
import { realFetch } from "../runner/real-globals.ts";
import type { AuthProvider } from "./providers.ts";

const FETCH_TIMEOUT_MS = 5000;
const KEEP_MS = 10 * 60_000;
/** An unknown key id asks the issuer again at most this often: a flood of forged tokens must not become a flood of fetches. */
const COOLDOWN_MS = 10_000;

export class KeySets {
  readonly #byUrl = new Map<string, JWTVerifyGetKey>();
  readonly #discovered = new Map<string, string>();

  /** @param cooldownMs how soon an unknown key id may cause another fetch. Default 10 s. */
  constructor(private readonly cooldownMs = COOLDOWN_MS) {}

  /** The keys of a provider. @throws {Error} when the issuer cannot be reached or answers something else than keys */
  async keysOf(provider: AuthProvider): Promise<JWTVerifyGetKey> {
    const url = provider.kind === "customJwt" ? provider.jwks : await this.#discover(provider.discoveryUrl);
    let keys = this.#byUrl.get(url);
    if (keys === undefined) {
      keys = url.startsWith("data:") ? createLocalJWKSet(decodeDataUri(url)) : this.#remote(url);
      this.#byUrl.set(url, keys);
    }
    return keys;
  }

  #remote(url: string): JWTVerifyGetKey {
    return createRemoteJWKSet(new URL(url), {
      cooldownDuration: this.cooldownMs,
      cacheMaxAge: KEEP_MS,
      timeoutDuration: FETCH_TIMEOUT_MS,
      [customFetch]: async (input, init) => {
        const response = await realFetch(input, init);
        const type = response.headers.get("content-type") ?? "";
        if (response.ok && !type.includes("json"))
          throw new Error(`${url} answered ${type || "no content type"}, expected JSON.`);
        return response;
      },
    });
  }

  async #discover(discoveryUrl: string): Promise<string> {
    const known = this.#discovered.get(discoveryUrl);
    if (known !== undefined) return known;
    const response = await realFetch(discoveryUrl, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`${discoveryUrl} answered ${response.status}.`);
    const document: unknown = await response.json();
    const jwksUri = typeof document === "object" && document !== null && "jwks_uri" in document ? document.jwks_uri : null;
    if (typeof jwksUri !== "string") throw new Error(`${discoveryUrl} names no jwks_uri.`);
    this.#discovered.set(discoveryUrl, jwksUri);
    return jwksUri;
  }
}

function decodeDataUri(uri: string): Parameters<typeof createLocalJWKSet>[0] {
  const comma = uri.indexOf(",");
  const payload = uri.slice(comma + 1);
  const text = uri.slice(0, comma).endsWith(";base64")
    ? Buffer.from(payload, "base64").toString("utf8")
    : decodeURIComponent(payload);
  return JSON.parse(text);
}
