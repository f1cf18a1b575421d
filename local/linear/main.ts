// Runs the local Linear as a process: flags in, one ready line out, SIGTERM and SIGINT end it gracefully.
import { parseArgs } from "node:util";
import { type LinearOptions, startLinear } from "./server.ts";

const USAGE =
  "bun local/linear/main.ts --dir DIRECTORY --port PORT --api-key-file FILE [--webhook-attempt-delays ms,ms,ms] [--requests-per-hour N]";

function readFlags(argv: readonly string[]): LinearOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      dir: { type: "string" },
      port: { type: "string" },
      "api-key-file": { type: "string" },
      "webhook-attempt-delays": { type: "string" },
      "requests-per-hour": { type: "string" },
    },
  });
  const { dir, "api-key-file": apiKeyFile } = values;
  const port = Number(values.port ?? Number.NaN);
  if (!dir || !apiKeyFile || !Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`Usage: ${USAGE}`);
  const limit = values["requests-per-hour"];
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw new Error("--requests-per-hour takes a whole number above 0.");
  const settings = { dataDirectory: dir, port, apiKeyFile, ...(limit === undefined ? {} : { requestsPerHour: Number(limit) }) };
  const delays = values["webhook-attempt-delays"];
  if (delays === undefined) return settings;
  const webhookAttemptDelaysMs = delays.split(",").filter(Boolean).map(Number);
  if (webhookAttemptDelaysMs.some((ms) => !Number.isInteger(ms) || ms < 0)) {
    throw new Error("--webhook-attempt-delays takes whole milliseconds with commas between, for example 60000,3600000.");
  }
  return { ...settings, webhookAttemptDelaysMs };
}

/** What a person should read when the start fails. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EADDRINUSE")
    return "The port is taken. Stop the program that has it, or choose another --port.";
  return error.message;
}

async function main(): Promise<void> {
  const server = await startLinear(readFlags(process.argv.slice(2)));
  const end = () => void server.stop().then(() => process.exit(0));
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  process.stdout.write(`${JSON.stringify({ ready: true, url: server.url })}\n`);
}

main().catch((error: unknown) => {
  console.error(sentence(error));
  process.exit(1);
});
