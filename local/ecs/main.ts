// Runs the server as a program: prints one line when it is ready, ends in order on SIGTERM and Ctrl-C, exits 1 with one sentence when it cannot start.
import { startEcs } from "./ecs.ts";
import { EcsStartError } from "./errors.ts";
import { readSettings } from "./settings.ts";

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

try {
  const server = await startEcs(readSettings(Bun.argv.slice(2), process.env.PATH ?? DEFAULT_PATH));
  console.log(JSON.stringify({ ready: true, url: server.url, isolation: server.isolation }));
  const end = async (): Promise<void> => {
    await server.stop();
    process.exit(0);
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
} catch (error) {
  if (!(error instanceof EcsStartError)) throw error;
  console.error(error.message);
  process.exit(1);
}
