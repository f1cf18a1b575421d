// Checks the short-lived JWT an app signs with its private key, with the errors GitHub answers.
import { createPublicKey } from "node:crypto";
import { errors, type JWTPayload, jwtVerify } from "jose";
import { GitHubError, StartError } from "../errors.ts";

const MAX_LIFE_SECONDS = 600;
const CLOCK_TOLERANCE_SECONDS = 60;

export type AppJwtVerifier = (token: string, nowMs: number) => Promise<void>;

/** @throws {StartError} when the PEM is not a public RSA key; the verifier throws {GitHubError} 401 */
export function appJwtVerifier(publicKeyPem: string, appId: number): AppJwtVerifier {
  const key = readKey(publicKeyPem);
  return async (token, nowMs) => {
    const payload = await verified(token, key, nowMs);
    if (payload.iss !== String(appId) && (payload.iss as unknown) !== appId)
      throw refused("'Issuer' claim ('iss') must be the app's id");
    if (payload.exp === undefined) throw refused("Missing 'expiration time' claim ('exp') in assertion");
    if (payload.exp > nowMs / 1000 + MAX_LIFE_SECONDS + CLOCK_TOLERANCE_SECONDS) {
      throw refused("'Expiration time' claim ('exp') is too far in the future");
    }
  };
}

async function verified(token: string, key: ReturnType<typeof createPublicKey>, nowMs: number): Promise<JWTPayload> {
  try {
    const options = { algorithms: ["RS256"], currentDate: new Date(nowMs), clockTolerance: CLOCK_TOLERANCE_SECONDS };
    return (await jwtVerify(token, key, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      throw refused(
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
      );
    throw refused("A JSON web token could not be decoded");
  }
}

const refused = (message: string) => new GitHubError(401, message);

function readKey(pem: string) {
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === "rsa") return key;
  } catch (cause) {
    throw new StartError(
      "BAD_OPTION",
      "The app's public key is not a PEM public key; pass the file that belongs to the private key.",
      { cause },
    );
  }
  throw new StartError("BAD_OPTION", "The app's public key is not an RSA key; GitHub apps sign with RS256.");
}
