"use client";
// The browser's line to Convex: one client, one token source. Pages below `ConvexWithLogin` may use Convex's hooks at once: they are
// drawn only while Convex knows who is asking.

import { ConvexProviderWithAuth, ConvexReactClient, useConvexAuth, useMutation } from "convex/react";
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from "react";
import { api } from "./api.ts";
import type { PublicSettings } from "./settings.ts";

const SettingsContext = createContext<PublicSettings | null>(null);

/** Where Convex and the orchestrator are. */
export function usePublicSettings(): PublicSettings {
  const settings = use(SettingsContext);
  if (settings === null) throw new Error("usePublicSettings is for pages below ConvexWithLogin");
  return settings;
}

/** The person's access token; null when the sign-in has ended. The same token opens the orchestrator's sockets. @throws when offline */
export async function fetchAccessToken({ forceRefreshToken }: { forceRefreshToken: boolean }): Promise<string | null> {
  const response = await fetch(`/api/token${forceRefreshToken ? "?refresh=1" : ""}`, { method: "POST" });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`The dashboard's server did not give a token: HTTP ${response.status}`);
  const body: unknown = await response.json();
  return typeof body === "object" && body !== null && "token" in body && typeof body.token === "string" ? body.token : null;
}

/** Convex asks again whenever one of these changes identity: they must not. */
function useLogin() {
  const [hasEnded, setEnded] = useState(false);
  const fetchToken = useCallback(async (how: { forceRefreshToken: boolean }) => {
    const token = await fetchAccessToken(how);
    if (token === null) setEnded(true);
    return token;
  }, []);
  // The server has checked the session before it rendered us.
  return useMemo(() => ({ isLoading: false, isAuthenticated: !hasEnded, fetchAccessToken: fetchToken }), [hasEnded, fetchToken]);
}

export function ConvexWithLogin({
  settings,
  loading,
  signedOut,
  children,
}: {
  settings: PublicSettings;
  /** Shown until Convex has accepted the token. */
  loading: ReactNode;
  /** Shown when the sign-in has ended. */
  signedOut: ReactNode;
  children: ReactNode;
}) {
  const { convexUrl } = settings;
  const [client] = useState(() => new ConvexReactClient(convexUrl, { initialAuthTokenReuse: true }));
  return (
    <SettingsContext value={settings}>
      <ConvexProviderWithAuth client={client} useAuth={useLogin}>
        <Gate loading={loading} signedOut={signedOut}>
          {children}
        </Gate>
      </ConvexProviderWithAuth>
    </SettingsContext>
  );
}

function Gate({ loading, signedOut, children }: { loading: ReactNode; signedOut: ReactNode; children: ReactNode }) {
  const { isLoading, isAuthenticated } = useConvexAuth();
  const signIn = useMutation(api.users.signIn);
  useEffect(() => {
    // Only a name for lists: a page works without it, so a failure is nobody's to handle; the next visit repeats it.
    if (isAuthenticated) signIn({}).catch(() => {});
  }, [isAuthenticated, signIn]);
  if (isLoading) return loading;
  return isAuthenticated ? children : signedOut;
}
