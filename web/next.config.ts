// How the dashboard is built. Nothing here depends on an environment: one build serves every one of them.

import { join } from "node:path";
import type { NextConfig } from "next";

const root = join(import.meta.dirname, "..");

export default {
  transpilePackages: ["@omakase/machines"],
  // Pinned, so that a stray lockfile in a parent folder cannot move them.
  outputFileTracingRoot: root,
  turbopack: { root },
  poweredByHeader: false,
} satisfies NextConfig;
