// The program: reads arguments and environment, starts one deployment, says where it listens, and leaves cleanly.
import { parseArgs } from "node:util";
import { COMMANDS_USAGE, isCommand, runCommand } from "./ops/commands.ts";
import { errorText, Log } from "./ops/log.ts";
import { nowMs, realProcess } from "./runner/real-globals.ts";
import { type ConvexOptions, startConvex } from "./start.ts";

export { type ConvexOptions, type RunningConvex, startConvex } from "./start.ts";

const USAGE =
  "Usage: bun local/convex/main.ts --dir data --port 3210 [--site-port 3211] [--host 127.0.0.1] [--synchronous FULL|NORMAL] [--stall-limit seconds]";

class UsageError extends Error {}

function readOptions(args: string[], env: Record<string, string | undefined>): ConvexOptions {
  const { values } = parseArgs({
    args,
    options: {
      dir: { type: "string" },
      port: { type: "string", default: "3210" },
      "site-port": { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      synchronous: { type: "string", default: "FULL" },
      "stall-limit": { type: "string", default: "30" },
    },
  });
  const { dir, host, synchronous } = values;
  if (dir === undefined || dir === "") throw new UsageError("--dir is missing: name the folder that holds the deployment.");
  if (synchronous !== "FULL" && synchronous !== "NORMAL") throw new UsageError("--synchronous must be FULL or NORMAL.");
  const sitePort = values["site-port"];
  return {
    dir,
    host,
    synchronous,
    stallLimitMs: seconds("--stall-limit", values["stall-limit"]) * 1000,
    port: portNumber("--port", values.port),
    ...(sitePort === undefined ? {} : { sitePort: portNumber("--site-port", sitePort) }),
    ...(env.CONVEX_ADMIN_KEY ? { adminKey: env.CONVEX_ADMIN_KEY } : {}),
  };
}

function seconds(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 1) throw new UsageError(`${flag} must be a number of seconds, at least 1.`);
  return value;
}

function portNumber(flag: string, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`${flag} must be a port number, got ${JSON.stringify(text)}.`);
  return port;
}

async function main(): Promise<void> {
  const log = new Log(nowMs);
  // Functions may leave promises behind that fail later, and libraries may throw from timers: never the end of the server.
  realProcess.on("uncaughtException", (error) => log.error("function.uncaught", { error: errorText(error) }));
  realProcess.on("unhandledRejection", (error) => log.error("function.unhandledRejection", { error: errorText(error) }));
  const [command, ...rest] = realProcess.argv.slice(2);
  if (isCommand(command)) {
    try {
      realProcess.stdout.write(`${await runCommand(command, rest, realProcess.env.CONVEX_ADMIN_KEY)}\n`);
      return;
    } catch (error) {
      realProcess.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      return realProcess.exit(1);
    }
  }
  let options: ConvexOptions;
  try {
    options = readOptions(realProcess.argv.slice(2), realProcess.env);
    delete realProcess.env.CONVEX_ADMIN_KEY; // pushed code runs in this process and needs no key
  } catch (error) {
    realProcess.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n${COMMANDS_USAGE}\n`);
    return realProcess.exit(1);
  }
  try {
    const running = await startConvex(options);
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      realProcess.once(signal, () => void running.stop().then(() => realProcess.exit(0)));
    }
    realProcess.stdout.write(`${JSON.stringify({ ready: true, url: running.url, siteUrl: running.siteUrl })}\n`);
  } catch (error) {
    realProcess.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return realProcess.exit(1);
  }
}

if (import.meta.main) await main();
