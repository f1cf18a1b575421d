// From the credential of an Authenticate message to an identity.
import { adminIdentity, asAttributes } from "../auth/admin-key.ts";
import { type Identity, NOBODY } from "../auth/identity.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { Credential } from "./client-frames.ts";

/** @throws {AuthRefused} when the credential is not good */
export async function identify(credential: Credential, deps: { verifier: TokenVerifier; adminKey: string }): Promise<Identity> {
  switch (credential.kind) {
    case "none":
      return NOBODY;
    case "user":
      return deps.verifier.verify(credential.token);
    case "admin": {
      const admin = adminIdentity(credential.key, deps.adminKey);
      return credential.actingAs === null ? admin : { kind: "admin", actingAs: asAttributes(credential.actingAs) };
    }
    default:
      return credential satisfies never;
  }
}
