// Tokens of upload URLs: signed, good for one hour, for one component. Stateless, so a restart does not spoil them.
//   T1. As on Convex an upload URL may be used until it expires; each use stores a file of its own.
import { createHmac, timingSafeEqual } from "node:crypto";

/** Convex's documents: "expires in 1 hour". */
const VALID_MS = 3_600_000;

export type TokenVerdict =
  | { readonly kind: "valid"; readonly component: string }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

export class UploadTokens {
  /** @param key secret of the deployment */
  constructor(private readonly key: Uint8Array) {}

  /** @param nonce makes two tokens of one moment differ */
  issue(component: string, nowMs: number, nonce: string): string {
    const payload = Buffer.from(JSON.stringify([component, Math.floor(nowMs), nonce])).toString("base64url");
    return `${payload}.${this.#seal(payload).toString("base64url")}`;
  }

  check(token: string, nowMs: number): TokenVerdict {
    const [payload = "", seal = ""] = token.split(".");
    const [given, expected] = [Buffer.from(seal, "base64url"), this.#seal(payload)];
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { kind: "invalid" };
    const [component, issuedMs] = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as [string, number];
    return nowMs - issuedMs > VALID_MS ? { kind: "expired" } : { kind: "valid", component };
  }

  #seal(payload: string): Buffer {
    return createHmac("sha256", this.key).update(payload).digest();
  }
}
