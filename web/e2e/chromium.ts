// Which browser the tests drive: $CHROMIUM, the system's, or the one that comes with npm (Linux on x64 only).

import { existsSync } from "node:fs";

const SYSTEM_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** @throws {Error} saying what to install */
export async function findChromium(): Promise<string> {
  const chosen = process.env.CHROMIUM;
  if (chosen) return chosen;
  const system = SYSTEM_PATHS.find(existsSync);
  if (system) return system;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("No browser was found: install Chrome, or set CHROMIUM to one's path.");
  }
  // Makes the package use its own copies of libraries that bare machines lack; it looks while it is loaded.
  process.env.AWS_LAMBDA_JS_RUNTIME = "nodejs22.x";
  const { default: bundled } = await import("@sparticuz/chromium");
  return bundled.executablePath();
}
