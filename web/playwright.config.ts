// Browser tests of the whole system. One at a time: they share one Omakase.

import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  globalSetup: "./e2e/global-setup.ts",
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    // Both are set by the global set-up, before the workers read this file again.
    baseURL: process.env.OMAKASE_URL,
    launchOptions: { executablePath: process.env.E2E_CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] },
    trace: "retain-on-failure",
    reducedMotion: "reduce",
  },
});
