// What a container proves itself with: first a one-time code, then a token that lives as long as its run.

import { createHmac, timingSafeEqual } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";

/** Derived, not stored, so that a repeated launch sends the same bytes. Worth nothing once its run is claimed. */
export const runCode = (secret: string, effectId: string): string =>
  createHmac("sha256", secret).update(`claim:${effectId}`).digest("base64url");

export function isRunCode(secret: string, effectId: string, code: string): boolean {
  const [expected, given] = [Buffer.from(runCode(secret, effectId)), Buffer.from(code)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

const ISSUER = "omakase-orchestrator";

/** A key of its own, so that a code can never pass for a token. */
const tokenKey = (secret: string) => createHmac("sha256", secret).update("run-token").digest();

export interface RunClaims {
  readonly run: string;
  readonly agent: string;
  readonly role: string;
}

/** @param livesMs until it is refused */
export const signRunToken = (secret: string, { run, agent, role }: RunClaims, livesMs: number): Promise<string> =>
  new SignJWT({ agent, role })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ISSUER)
    .setSubject(run)
    .setIssuedAt()
    .setExpirationTime(new Date(Date.now() + livesMs))
    .sign(tokenKey(secret));

/** @returns null for anything but a live token of ours */
export async function readRunToken(secret: string, token: string): Promise<RunClaims | null> {
  try {
    const { payload } = await jwtVerify(token, tokenKey(secret), { issuer: ISSUER, algorithms: ["HS256"] });
    const { sub, agent, role } = payload;
    return typeof sub === "string" && typeof agent === "string" && typeof role === "string" ? { run: sub, agent, role } : null;
  } catch {
    return null;
  }
}
