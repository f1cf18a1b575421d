// The server as a process of its own, so that tests can kill it.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { APP_ID, keys, type TestGitHub } from "./setup.ts";

const MAIN = join(import.meta.dir, "..", "main.ts");

export interface ServerProcess {
  readonly url: string;
  readonly kill: (signal: "SIGKILL" | "SIGTERM") => Promise<number>;
}

/** The program's arguments for a state folder below the test's own. */
export async function argumentsFor(github: TestGitHub, port = 0): Promise<string[]> {
  const file = (name: string) => join(github.dir, name);
  await Bun.write(file("app.pem"), keys.publicKey);
  await Bun.write(file("secret"), "a secret of this test\n");
  await Bun.write(file("seed.json"), JSON.stringify([{ repository: "omakase/demo" }]));
  await Bun.write(file("tokens.json"), JSON.stringify({ ghp_token_of_dana: "dana" }));
  const values = {
    dir: join(github.dir, "state"),
    port: String(port),
    "app-id": String(APP_ID),
    "app-public-key": file("app.pem"),
    "webhook-url": github.webhookUrl,
    "webhook-secret-file": file("secret"),
    "user-token-file": file("tokens.json"),
    seed: file("seed.json"),
    "rate-limit": "1000000",
  };
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
}

export const run = (args: readonly string[]) =>
  Bun.spawn([process.execPath, MAIN, ...args], {
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: tmpdir() },
  });

/** Starts the program and waits for its ready line. @throws when it ends before, with what it said */
export async function startProcess(args: readonly string[]): Promise<ServerProcess> {
  const child = run(args);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error(await new Response(child.stderr).text());
  const ready = JSON.parse(new TextDecoder().decode(value)) as { ready: boolean; url: string };
  return {
    url: ready.url,
    kill: async (signal) => {
      child.kill(signal);
      return child.exited;
    },
  };
}
