// Who sent an HTTP request, and from where.
import { adminIdentity } from "../auth/admin-key.ts";
import { type Identity, NOBODY } from "../auth/identity.ts";
import { AuthRefused, type TokenVerifier } from "../auth/verifier.ts";
import { newRequestId } from "../runner/failure.ts";
import type { RequestOrigin } from "../runner/origin.ts";

export interface CallerDeps {
  readonly verifier: TokenVerifier;
  readonly adminKey: string;
}

/** Reads `Authorization: Bearer <jwt>` or `Convex <admin key>[:<identity>]`. @throws {AuthRefused} */
export async function callerOf(request: Request, deps: CallerDeps): Promise<Identity> {
  const header = request.headers.get("authorization");
  if (header === null) return NOBODY;
  const [scheme = "", credential = ""] = splitOnce(header, " ");
  switch (scheme.toLowerCase()) {
    case "bearer":
      return deps.verifier.verify(credential);
    case "convex":
      return adminIdentity(credential, deps.adminKey);
    default:
      throw new AuthRefused("InvalidAuthHeader", "The Authorization header must be `Bearer <token>` or `Convex <admin key>`.");
  }
}

/** For HTTP actions: a header meant for somebody else must not stop the request, only asking for the identity fails. */
export async function tolerantCallerOf(request: Request, deps: CallerDeps): Promise<Identity> {
  try {
    return await callerOf(request, deps);
  } catch (error) {
    if (error instanceof AuthRefused) return { kind: "unreadable", reason: error.message };
    throw error;
  }
}

/** @throws {AuthRefused} unless the request carries the admin key */
export function requireAdmin(request: Request, deps: CallerDeps): void {
  const [scheme = "", credential = ""] = splitOnce(request.headers.get("authorization") ?? "", " ");
  if (scheme.toLowerCase() !== "convex")
    throw new AuthRefused("BadAdminKey", "This endpoint needs the admin key of the deployment.");
  adminIdentity(credential, deps.adminKey);
}

export const originOf = (request: Request, ip: string | null): RequestOrigin => ({
  ip,
  userAgent: request.headers.get("user-agent"),
  requestId: newRequestId(),
  scheduledFunctionId: null,
});

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1).trim()];
}
