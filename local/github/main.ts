// The program: reads the command line, starts the server, prints one ready line, stops on SIGTERM and SIGINT.
import { readCommandLine } from "./command-line.ts";
import { StartError } from "./errors.ts";
import { type GitHubServer, startGitHub } from "./server.ts";

try {
  const server = await startGitHub(readCommandLine(process.argv.slice(2)));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void leave(server));
  process.stdout.write(`${JSON.stringify({ ready: true, url: server.url })}\n`);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function leave(server: GitHubServer): Promise<void> {
  await server.stop();
  process.exit(0);
}
