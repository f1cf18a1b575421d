// The providers of `auth.config.ts`, parsed once at push. Their values may come from `process.env`, that is the deployment's variables.
import type { JsonObject, JsonValue } from "../engine/index.ts";

export type AuthProvider =
  /** OpenID Connect: keys are found through the issuer's discovery document; `aud` must be `applicationId`. */
  | { readonly kind: "oidc"; readonly issuer: string; readonly applicationId: string; readonly discoveryUrl: string }
  /** Keys at a given URL (or `data:` URI); `aud` is checked only if `applicationId` is given. */
  | {
      readonly kind: "customJwt";
      readonly issuer: string;
      readonly applicationId: string | null;
      readonly jwks: string;
      readonly algorithm: "RS256" | "ES256";
    };

/** An `auth.config.ts` that cannot be used; the push is refused with this text. */
export class InvalidAuthConfig extends Error {
  override readonly name = "InvalidAuthConfig";
  readonly code = "InvalidAuthConfig";
}

/**
 * Reads the default export of `auth.config.ts`.
 * @throws {InvalidAuthConfig} naming the provider and the field
 */
export function parseAuthConfig(config: unknown): AuthProvider[] {
  const providers = isRecord(config) ? config.providers : undefined;
  if (!Array.isArray(providers)) {
    throw new InvalidAuthConfig("auth.config must have a default export of the form `{ providers: [...] }`.");
  }
  return providers.map((provider: unknown, at) => {
    if (!isRecord(provider)) throw new InvalidAuthConfig(`auth.config: providers[${at}] must be an object.`);
    return provider.type === "customJwt" ? parseCustomJwt(provider, at) : parseOidc(provider, at);
  });
}

function parseOidc(provider: Record<string, unknown>, at: number): AuthProvider {
  const domain = text(provider, "domain", at);
  const url = withScheme(domain);
  return {
    kind: "oidc",
    issuer: withoutSlash(url),
    applicationId: text(provider, "applicationID", at),
    discoveryUrl: `${withoutSlash(url)}/.well-known/openid-configuration`,
  };
}

function parseCustomJwt(provider: Record<string, unknown>, at: number): AuthProvider {
  const algorithm = text(provider, "algorithm", at);
  if (algorithm !== "RS256" && algorithm !== "ES256") {
    throw new InvalidAuthConfig(
      `auth.config: providers[${at}].algorithm must be RS256 or ES256, got ${JSON.stringify(algorithm)}.`,
    );
  }
  const applicationId = provider.applicationID;
  if (applicationId !== undefined && applicationId !== null && typeof applicationId !== "string") {
    throw new InvalidAuthConfig(`auth.config: providers[${at}].applicationID must be a string.`);
  }
  return {
    kind: "customJwt",
    issuer: withoutSlash(withScheme(text(provider, "issuer", at))),
    jwks: text(provider, "jwks", at),
    algorithm,
    applicationId: applicationId ?? null,
  };
}

function text(provider: Record<string, unknown>, field: string, at: number): string {
  const value = provider[field];
  if (typeof value === "string" && value !== "") return value;
  throw new InvalidAuthConfig(
    `auth.config: providers[${at}].${field} must be a non-empty string. If it comes from process.env, set that variable first: npx convex env set NAME value.`,
  );
}

/** As the CLI expects it in the answer to a push. */
export function providerToJson(provider: AuthProvider): JsonObject {
  switch (provider.kind) {
    case "oidc":
      return { applicationID: provider.applicationId, domain: provider.issuer };
    case "customJwt":
      return {
        type: "customJwt",
        applicationID: provider.applicationId as JsonValue,
        issuer: provider.issuer,
        jwks: provider.jwks,
        algorithm: provider.algorithm,
      };
    default:
      return provider satisfies never;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const withScheme = (url: string): string => (/^[a-z]+:/i.test(url) ? url : `https://${url}`);

/** Issuers are compared without a trailing slash: providers disagree about it. */
export const withoutSlash = (url: string): string => url.replace(/\/+$/, "");
