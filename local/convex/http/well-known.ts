// The deployment as an issuer of tokens (`ctx.auth.signJwt`): its public keys and its discovery document.
import type { SigningKeys } from "../auth/signing-keys.ts";
import { nowMs } from "../runner/real-globals.ts";
import { CORS } from "./replies.ts";

/** Verifiers ask again after this long; a replaced key stays published for longer. */
const MAX_AGE_SECONDS = 600;

/** Null for every other path. */
export function wellKnown(pathname: string, keys: SigningKeys): Response | null {
  switch (pathname) {
    case "/.well-known/jwks.json":
      return document(keys.published(nowMs()));
    case "/.well-known/openid-configuration":
      return document(keys.discovery());
    default:
      return null;
  }
}

const document = (value: object): Response =>
  new Response(JSON.stringify(value), {
    headers: { ...CORS, "content-type": "application/json", "cache-control": `public, max-age=${MAX_AGE_SECONDS}` },
  });
