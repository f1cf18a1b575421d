// `bun run demo`: starts an Omakase of its own, runs the demonstration, prints the table, ends with 1 when anything differs.

import { LaunchError } from "@omakase/local-launcher/options";
import { formatReport, runDemo } from "./demo.ts";
import { startHeadless } from "./headless.ts";

/** The five together are promised within 60 s; a slow machine gets its table all the same. */
const TIMEOUT_MS = 240_000;

try {
  const { launch, end } = await startHeadless(["--no-web"], (line) => console.error(`  ${line}`));
  process.on("SIGINT", () => void end().then(() => process.exit(130)));
  process.on("SIGTERM", () => void end().then(() => process.exit(143)));
  try {
    const report = await runDemo(launch, TIMEOUT_MS);
    console.log(formatReport(report));
    process.exitCode = report.tickets.some(({ faults }) => faults.length > 0) ? 1 : 0;
  } finally {
    await end();
  }
} catch (error) {
  console.error(error instanceof LaunchError || error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
process.exit();
