// The server as a process of its own, which tests may kill; and an event target that remembers.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Caller, SHELL_IMAGE } from "./world.ts";

const MAIN = join(import.meta.dir, "..", "main.ts");

export interface ServerProcess {
  readonly caller: Caller;
  readonly pid: number;
  readonly isolation: string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts `main.ts` with an explicit environment and waits for its ready line. */
export async function aProcess(
  dir: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = Bun.spawn(
    [process.execPath, MAIN, "--dir", dir, "--port", "0", "--image", `${SHELL_IMAGE}=["/bin/sh","-c"]`, ...flags],
    {
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: tmpdir(), ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  const reader = child.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the server ended with ${await child.exited} before it was ready`);
    text += new TextDecoder().decode(value);
  }
  const { url, isolation } = JSON.parse(text) as { url: string; isolation: string };
  const caller = new Caller(url);
  await caller.prepare();
  return {
    caller,
    pid: child.pid,
    isolation,
    kill: async (signal) => {
      child.kill(signal);
      await child.exited;
      return child.exitCode;
    },
  };
}

export interface StateChange {
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly time: string;
  readonly resources: readonly string[];
  readonly detail: {
    readonly taskArn: string;
    readonly lastStatus: string;
    readonly version: number;
    readonly createdAt: string;
    readonly containers: readonly { readonly exitCode?: number }[];
  };
}

/** A target for events: notes each request, and answers what it is told to. */
export function aTarget(port = 0): {
  url: string;
  port: number;
  events: StateChange[];
  keys: (string | null)[];
  answer: (status: number) => void;
  stop: () => Promise<void>;
} {
  const events: StateChange[] = [];
  const keys: (string | null)[] = [];
  let status = 200;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch: async (request) => {
      if (status === 200) events.push((await request.json()) as StateChange);
      keys.push(request.headers.get("x-api-key"));
      return new Response(null, { status });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/ecs/events`,
    port: server.port!,
    events,
    keys,
    answer: (next) => {
      status = next;
    },
    stop: () => server.stop(true),
  };
}
