// Who a call is made for. Plain data: verification lives in `verifier.ts` and `admin-key.ts`.
import type { JsonValue } from "../engine/index.ts";

/** The claims a function sees through `ctx.auth.getUserIdentity()`, in Convex's camelCase spelling. */
export interface UserAttributes {
  readonly tokenIdentifier: string;
  readonly subject: string;
  readonly issuer: string;
  readonly [claim: string]: JsonValue;
}

export type Identity =
  | { readonly kind: "none" }
  /** A verified token. `expiresAtMs` already includes the leeway granted at verification. */
  | { readonly kind: "user"; readonly attributes: UserAttributes; readonly expiresAtMs: number; readonly token: string }
  /** Holder of the admin key; `actingAs` is the user it chose to impersonate, if any. */
  | { readonly kind: "admin"; readonly actingAs: UserAttributes | null }
  /** HTTP actions tolerate a foreign Authorization header: only asking for the identity fails, with this text. */
  | { readonly kind: "unreadable"; readonly reason: string };

export const NOBODY: Identity = { kind: "none" };

/** What `getUserIdentity` answers. @throws {Error} when the caller's token could not be read (HTTP actions only) */
export function attributesOf(identity: Identity): UserAttributes | null {
  switch (identity.kind) {
    case "none":
      return null;
    case "user":
      return identity.attributes;
    case "admin":
      return identity.actingAs;
    case "unreadable":
      throw new Error(identity.reason);
    default:
      return identity satisfies never;
  }
}

/** May this caller reach internal and `_system` functions? */
export const isAdmin = (identity: Identity): boolean => identity.kind === "admin";

/** Two identities with the same key see the same attributes, so they may share a cached query result. */
export function identityKey(identity: Identity): string {
  switch (identity.kind) {
    case "none":
      return "";
    case "user":
      return JSON.stringify(identity.attributes);
    case "admin":
      return identity.actingAs === null ? "" : JSON.stringify(identity.actingAs);
    case "unreadable":
      return `?${identity.reason}`;
    default:
      return identity satisfies never;
  }
}
