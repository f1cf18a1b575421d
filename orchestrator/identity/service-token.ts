// The orchestrator's own access token (machine to machine), refreshed before it expires; one request at a time.

import { z } from "zod";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { TokenSource } from "../store/convex-store.ts";
import { Unanswered } from "../store/host-store.ts";

export interface ServiceIdentity {
  /** With its trailing slash. */
  readonly issuer: string;
  readonly audience: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A token is renewed this long before it would be refused. */
const MARGIN_MS = 60_000;
/** A refused token is not asked for again more often than this: a misconfigured deployment must not become a storm of requests. */
const MIN_AGE_MS = 2_000;

const vAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

export function createServiceToken(identity: ServiceIdentity, log: Log, now: () => number = Date.now): TokenSource {
  let current: { token: string; madeAt: number; expiresAt: number } | null = null;
  let asking: Promise<string> | null = null;
  const ask = async () => {
    const response = await fetch(`${identity.issuer}oauth/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: identity.clientId,
        client_secret: identity.clientSecret,
        audience: identity.audience,
        scope: "orchestrate",
      }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Unanswered(`the identity provider refused our client credentials: HTTP ${response.status}`);
    const { data: answer } = vAnswer.safeParse(await response.json());
    if (!answer) throw new Unanswered("the identity provider's answer has no access_token with expires_in");
    current = { token: answer.access_token, madeAt: now(), expiresAt: now() + answer.expires_in * 1000 };
    return current.token;
  };
  return async (fresh) => {
    const usable = current && now() < current.expiresAt - MARGIN_MS && !(fresh && now() > current.madeAt + MIN_AGE_MS);
    if (current && usable) return current.token;
    asking ??= ask().finally(() => {
      asking = null;
    });
    try {
      return await asking;
    } catch (error) {
      log.warn("service_token.failed", { reason: reasonOf(error) });
      if (error instanceof Unanswered) throw error;
      throw new Unanswered(`the identity provider does not answer: ${reasonOf(error)}`, { cause: error });
    }
  };
}
