// The OpenID provider: oidc-provider, set up to look like an Auth0 tenant to the Auth0 SDK.
//
//   I1. Access tokens are RS256 JWTs for the API audience, for people and machines, under one key set.
//   I2. The scope `orchestrate` is given to the machine-to-machine client alone; a person who asks for it does not get it.
//   I3. A machine's subject is `<client id>@clients`, as at Auth0: no person can have it.
import type { ServerResponse } from "node:http";
import { errors, Provider } from "oidc-provider";
import type { Clients } from "./clients.ts";
import type { Keys } from "./keys.ts";
import { errorPage, type Page, signedOutPage, signOutPage } from "./pages.ts";
import type { Store } from "./store.ts";
import { CLAIMS, type User, userBySubject } from "./users.ts";

const ACCESS_TOKEN_TTL_S = 3_600;
const DAYS_30_S = 30 * 24 * 3_600;
const MACHINE_SCOPE = "orchestrate";

export interface ProviderOptions {
  /** With the trailing slash: what Auth0's issuers have, and what its SDK compares with. */
  readonly issuer: string;
  readonly audience: string;
  readonly clients: Clients;
  readonly keys: Keys;
  readonly store: Store;
}

export function createProvider({ issuer, audience, clients, keys, store }: ProviderOptions): Provider {
  return new Provider(issuer, {
    adapter: (model: string) => store.adapter(model),
    jwks: { keys: [keys.signing] },
    cookies: { keys: keys.cookies },
    clients: [
      {
        client_id: clients.web.id,
        client_secret: clients.web.secret,
        redirect_uris: clients.web.redirectUris,
        post_logout_redirect_uris: clients.web.logoutUris,
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        client_id: clients.m2m.id,
        client_secret: clients.m2m.secret,
        redirect_uris: [],
        grant_types: ["client_credentials"],
        response_types: [],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    routes: {
      authorization: "/authorize",
      token: "/oauth/token",
      revocation: "/oauth/revoke",
      userinfo: "/userinfo",
      jwks: "/.well-known/jwks.json",
      end_session: "/oidc/logout",
    },
    scopes: ["openid", "offline_access", "profile", "email"], // `orchestrate` belongs to the API, not to the sign-in
    claims: {
      openid: ["sub", CLAIMS.roles, CLAIMS.email, CLAIMS.name],
      profile: ["name", "nickname"],
      email: ["email", "email_verified"],
      sid: null,
    },
    conformIdTokenClaims: false, // Auth0 puts the claims into the ID token itself, not only behind /userinfo
    extraParams: ["audience"],
    responseTypes: ["code"],
    interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
    ttl: {
      AccessToken: ACCESS_TOKEN_TTL_S,
      ClientCredentials: ACCESS_TOKEN_TTL_S,
      AuthorizationCode: 60,
      IdToken: ACCESS_TOKEN_TTL_S,
      Interaction: 3_600,
      Session: DAYS_30_S,
      Grant: DAYS_30_S,
      RefreshToken: DAYS_30_S,
    },
    findAccount: (_, subject) => {
      const user = userBySubject(subject);
      return user && { accountId: subject, claims: async () => claimsOf(user) };
    },
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc;
      if (!client || !session?.accountId) return undefined;
      const known = session.grantIdFor(client.clientId);
      const grant =
        (known && (await provider.Grant.find(known))) ||
        new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid profile email offline_access");
      await grant.save();
      return grant;
    },
    // The provider drops `offline_access` unless the application also asks for consent, which Auth0's SDK does not.
    issueRefreshToken: async (_, client) => client.grantTypeAllowed("refresh_token"),
    // As Auth0 by default: one refresh token for the whole time. Two tabs refreshing at once must not sign each other out.
    rotateRefreshToken: false,
    expiresWithSession: async () => false,
    extraTokenClaims: (_, token) => {
      const user = "accountId" in token && token.accountId !== undefined ? userBySubject(token.accountId) : undefined;
      return user && customClaimsOf(user);
    },
    formats: {
      customizers: {
        jwt(_, token, jwt) {
          jwt.header = { ...jwt.header, typ: "JWT" };
          jwt.payload.azp = token.clientId;
          if (token.kind !== "ClientCredentials") return;
          jwt.payload.sub = `${token.clientId}@clients`; // I3
          jwt.payload.gty = "client-credentials";
        },
      },
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      userinfo: { enabled: true },
      revocation: { enabled: true, allowedPolicy: async (_, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => show(ctx, signOutPage(form)),
        postLogoutSuccessSource: (ctx) => show(ctx, signedOutPage()),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, _, granted) => granted ?? audienceOf(ctx.oidc.params) ?? audienceOf(ctx.oidc.body) ?? [],
        useGrantedResource: async () => true,
        getResourceServerInfo(ctx, resource, client) {
          if (resource !== audience) throw new errors.InvalidTarget(`no such API: ask for the audience ${audience}`);
          const isMachine = client.clientId === clients.m2m.id;
          // As Auth0: a machine that names no scope gets every one it was given.
          if (isMachine && ctx.oidc.params) ctx.oidc.params.scope ??= MACHINE_SCOPE;
          return {
            scope: isMachine ? MACHINE_SCOPE : "", // I2
            audience,
            accessTokenFormat: "jwt", // I1
            accessTokenTTL: ACCESS_TOKEN_TTL_S,
            jwt: { sign: { alg: "RS256", kid: keys.signing.kid } },
          };
        },
      },
    },
    renderError: (ctx, out) => show(ctx, errorPage("Sign-in failed", out.error_description ?? out.error)),
  });
}

function claimsOf(user: User) {
  return {
    sub: user.subject,
    name: user.name,
    nickname: user.name.toLowerCase(),
    email: user.email,
    email_verified: true,
    ...customClaimsOf(user),
  };
}

function customClaimsOf(user: User): Record<string, unknown> {
  return { [CLAIMS.roles]: [user.role], [CLAIMS.email]: user.email, [CLAIMS.name]: user.name };
}

function audienceOf(params: unknown): string | undefined {
  if (params === null || typeof params !== "object" || !("audience" in params)) return undefined;
  return typeof params.audience === "string" && params.audience !== "" ? params.audience : undefined;
}

function show(ctx: { body: unknown; res: ServerResponse; set(headers: Record<string, string>): void }, page: Page): void {
  ctx.set({ ...page.headers });
  ctx.body = page.html;
}
