// Whose tokens Convex believes: one identity provider's access tokens, of people and of the orchestrator alike.
// Set in the deployment's environment: AUTH0_ISSUER (exactly as in the token, with its trailing slash) and AUTH0_AUDIENCE.

import type { AuthConfig } from "convex/server";

const issuer = process.env.AUTH0_ISSUER!;

export default {
  providers: [
    {
      type: "customJwt",
      issuer,
      jwks: `${issuer}.well-known/jwks.json`,
      algorithm: "RS256",
      applicationID: process.env.AUTH0_AUDIENCE!,
    },
  ],
} satisfies AuthConfig;
