// What a browser may do on our pages: load our own files, talk to Convex, the orchestrator and nobody else.

import type { Settings } from "./settings.ts";

/** @param isDevelopment React's development build evaluates text to rebuild server stacks */
export function contentSecurityPolicy(nonce: string, settings: Settings, isDevelopment: boolean): string {
  const { convexUrl, orchestratorUrl } = settings;
  const far = [convexUrl, orchestratorUrl].map((url) => new URL(url).origin);
  const sockets = far.map((origin) => origin.replace(/^http/, "ws"));
  const directives: Record<string, readonly string[]> = {
    "default-src": ["'self'"],
    "script-src": ["'self'", `'nonce-${nonce}'`, "'strict-dynamic'", ...(isDevelopment ? ["'unsafe-eval'"] : [])],
    // Style attributes carry positions of nodes and bars; they cannot run anything.
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:", "blob:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'", ...new Set([...far, ...sockets])],
    "worker-src": ["'self'", "blob:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, values]) => `${name} ${values.join(" ")}`)
    .join("; ");
}

/** Those that are the same for every answer. */
export function fixedHeaders({ appBaseUrl }: Settings): Readonly<Record<string, string>> {
  return {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    ...(appBaseUrl.startsWith("https:") ? { "strict-transport-security": "max-age=63072000; includeSubDomains" } : {}),
  };
}
