// Turns a user's token into an identity. Providers come from the pushed code; nothing here decides what a user may do.
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { JsonValue } from "../engine/index.ts";
import type { Identity, UserAttributes } from "./identity.ts";
import { KeySets } from "./key-sets.ts";
import { type AuthProvider, withoutSlash } from "./providers.ts";

const LEEWAY_SECONDS = 5;

/** A credential that was refused. HTTP answers 401 with this code, the sync protocol an AuthError with this message. */
export class AuthRefused extends Error {
  override readonly name = "AuthRefused";
  constructor(
    readonly code: "InvalidAuthHeader" | "NoAuthProvider" | "BadAdminKey" | "Unauthenticated",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** OpenID Connect's standard claims under the names functions see them by. Every other claim keeps its own. */
const CAMEL_CASE: Readonly<Record<string, string>> = {
  given_name: "givenName",
  family_name: "familyName",
  preferred_username: "preferredUsername",
  profile: "profileUrl",
  picture: "pictureUrl",
  website: "websiteUrl",
  email_verified: "emailVerified",
  birthdate: "birthday",
  zoneinfo: "timezone",
  locale: "language",
  phone_number: "phoneNumber",
  phone_number_verified: "phoneNumberVerified",
  updated_at: "updatedAt",
};
const NOT_ATTRIBUTES = new Set(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]);

/** How long a verified token is trusted without looking at its signature again, and how many are remembered. */
const TRUSTED_MS = 30_000;
const MAX_TRUSTED = 1_000;

interface Trusted {
  readonly identity: Identity & { kind: "user" };
  readonly provider: AuthProvider;
  readonly untilMs: number;
}

export class TokenVerifier {
  readonly #keys: KeySets;
  /** A service sends the same token with every call: its signature is checked twice a minute, its expiry every time. */
  readonly #trusted = new Map<string, Trusted>();

  constructor(
    private readonly providers: () => readonly AuthProvider[],
    keys = new KeySets(),
  ) {
    this.#keys = keys;
  }

  /** @throws {AuthRefused} with a text that says which check failed */
  async verify(token: string): Promise<Identity & { kind: "user" }> {
    const known = this.#trusted.get(token);
    const nowMs = Date.now();
    if (known && nowMs < known.untilMs && nowMs < known.identity.expiresAtMs && this.providers().includes(known.provider)) {
      return known.identity;
    }
    const provider = this.#providerFor(decode(token));
    try {
      const keys = await this.#keys.keysOf(provider);
      const { payload } = await jwtVerify(token, keys, {
        algorithms: provider.kind === "customJwt" ? [provider.algorithm] : ["RS256", "EdDSA"],
        clockTolerance: LEEWAY_SECONDS,
        ...(provider.applicationId === null ? {} : { audience: provider.applicationId }),
      });
      const identity = identityOf(payload, token);
      if (this.#trusted.size >= MAX_TRUSTED) this.#trusted.clear();
      this.#trusted.set(token, { identity, provider, untilMs: Date.now() + TRUSTED_MS });
      return identity;
    } catch (cause) {
      if (cause instanceof AuthRefused) throw cause;
      throw new AuthRefused("InvalidAuthHeader", `Could not verify the token: ${reasonOf(cause)}`, { cause });
    }
  }

  #providerFor(claims: JWTPayload): AuthProvider {
    const issuer = withoutSlash(claims.iss ?? "");
    const audiences = [claims.aud ?? []].flat();
    const found = this.providers().find(
      (provider) => provider.issuer === issuer && (provider.applicationId === null || audiences.includes(provider.applicationId)),
    );
    if (found !== undefined) return found;
    throw new AuthRefused(
      "NoAuthProvider",
      `No auth provider found matching the given token (issuer ${JSON.stringify(claims.iss ?? null)}, audience ${JSON.stringify(claims.aud ?? null)}). Check the providers in convex/auth.config.ts and push again.`,
    );
  }
}

function decode(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch (cause) {
    throw new AuthRefused("InvalidAuthHeader", "Could not parse the token as a JSON Web Token.", { cause });
  }
}

function identityOf(payload: JWTPayload, token: string): Identity & { kind: "user" } {
  const { iss, sub, exp } = payload;
  if (iss === undefined || sub === undefined || exp === undefined) {
    throw new AuthRefused("InvalidAuthHeader", "The token must have the claims iss, sub and exp.");
  }
  const attributes: Record<string, JsonValue> = { tokenIdentifier: `${iss}|${sub}`, subject: sub, issuer: iss };
  for (const [claim, value] of Object.entries(payload)) {
    if (!NOT_ATTRIBUTES.has(claim)) attributes[CAMEL_CASE[claim] ?? claim] = value as JsonValue;
  }
  return { kind: "user", attributes: attributes as UserAttributes, expiresAtMs: (exp + LEEWAY_SECONDS) * 1000, token };
}

function reasonOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return "it has expired.";
  if (cause instanceof errors.JWSSignatureVerificationFailed) return "the signature does not match.";
  if (cause instanceof errors.JWKSNoMatchingKey) return "its key is not among the issuer's keys.";
  return cause instanceof Error ? cause.message : String(cause);
}
