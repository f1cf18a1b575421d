// Whether an access token is a person's, before anything is done for its bearer. Convex verifies it again at every read.

import { createRemoteJWKSet, jwtVerify } from "jose";

export interface PersonTokenSettings {
  /** With its trailing slash. */
  readonly issuer: string;
  readonly audience: string;
}

/** @returns when the token ends, in ms since the epoch; null for anything but a live token of a person. @throws when the keys cannot be fetched */
export type VerifyPerson = (token: string) => Promise<{ readonly expiresAt: number } | null>;

export function createVerifyPerson({ issuer, audience }: PersonTokenSettings): VerifyPerson {
  const keys = createRemoteJWKSet(new URL(".well-known/jwks.json", issuer), { timeoutDuration: 5_000 });
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"] });
      const isPerson = typeof payload.sub === "string" && !payload.sub.endsWith("@clients");
      return isPerson && payload.exp !== undefined ? { expiresAt: payload.exp * 1000 } : null;
    } catch (error) {
      if (
        error instanceof Error &&
        "code" in error &&
        String(error.code).startsWith("ERR_J") &&
        error.code !== "ERR_JWKS_TIMEOUT"
      ) {
        return null;
      }
      throw error;
    }
  };
}
