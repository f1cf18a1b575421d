"use client";
// Whether what is on the screen is live: from the Convex client's own connection state.

import { useConvexConnectionState } from "convex/react";
import { useEffect, useState } from "react";

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** Lost a moment ago, being opened again. */
  | { readonly kind: "reconnecting" }
  | { readonly kind: "offline"; readonly since: number };

/** A gap shorter than this is called reconnecting, a longer one offline. */
const OFFLINE_AFTER_MS = 5_000;

/** Pure: what the facts come to. @param lostAt ms, null while connected @param now ms */
export function connectionOf(
  { isWebSocketConnected, hasEverConnected }: { isWebSocketConnected: boolean; hasEverConnected: boolean },
  lostAt: number | null,
  now: number,
): Connection {
  if (isWebSocketConnected) return { kind: "live" };
  if (lostAt !== null && now - lostAt >= OFFLINE_AFTER_MS) return { kind: "offline", since: lostAt };
  return { kind: hasEverConnected ? "reconnecting" : "connecting" };
}

export function useConnection(): Connection {
  const { isWebSocketConnected, hasEverConnected } = useConvexConnectionState();
  const [loss, setLoss] = useState<{ at: number; now: number } | null>(null);
  useEffect(() => {
    if (isWebSocketConnected) return setLoss(null);
    const at = Date.now();
    setLoss({ at, now: at });
    const timer = setTimeout(() => setLoss({ at, now: Date.now() }), OFFLINE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isWebSocketConnected]);
  return connectionOf({ isWebSocketConnected, hasEverConnected }, loss?.at ?? null, loss?.now ?? 0);
}

/** Nobody acts on old news. A reconnect of a moment does not count. */
export function useIsLive(): boolean {
  return useConnection().kind !== "offline";
}
