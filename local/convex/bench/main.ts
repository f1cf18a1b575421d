// `bun run bench:convex`: what a deployment does a second, how that holds as data and subscribers grow, and how soon it is back.
// Servers run in processes of their own. README.md says what each figure goes through. The last line is one JSON object.
import { cpSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ADMIN_KEY, pushFixture, type ServerProcess, spawnServer, tempDir } from "../testing/fixture-deployment.ts";
import { BODY, channelOf, quantile, rounded } from "./messages.ts";
import { measureBroadcast, measureCallbacks } from "./subscribers.ts";

interface Measured {
  readonly metrics: Record<string, number>;
  readonly calibration: Record<string, number>;
}

const HTTP_WINDOW_MS = 1500;

async function main(): Promise<void> {
  const { dir, remove } = tempDir();
  try {
    const empty = join(dir, "empty");
    mkdirSync(empty);
    const first = await spawnServer(empty, 0);
    await pushFixture(first.url);
    await first.terminate();

    tell("commits and latency");
    const full = copyOf(empty, "full");
    const { metrics, calibration } = await inside(full);
    tell("restart");
    metrics.restart1mMs = await restart(full);

    tell("commits over HTTP");
    await served(copyOf(empty, "http"), async (server) => {
      for (const inFlight of [1, 16, 128]) metrics[`httpCommits${inFlight}`] = await httpCommits(server, inFlight);
    });
    metrics.spuriousReruns = 0;
    for (const [name, subscriptions] of [
      ["1", 1],
      ["1k", 1_000],
      ["10k", 10_000],
    ] as const) {
      tell(`${subscriptions} subscriptions`);
      await served(copyOf(empty, `subscriptions-${name}`), async (server) => {
        const { waitsMs, spurious, kbPer1k } = await measureCallbacks(server, subscriptions);
        metrics[`callbackP50Ms${name}`] = rounded(quantile(waitsMs, 0.5));
        metrics[`callbackP99Ms${name}`] = rounded(quantile(waitsMs, 0.99));
        metrics.spuriousReruns = (metrics.spuriousReruns ?? 0) + spurious;
        if (subscriptions === 10_000) metrics.kbPer1kSubscriptions = Math.round(kbPer1k);
      });
    }
    tell("broadcast");
    await served(copyOf(empty, "broadcast"), async (server) => {
      const waitsMs = await measureBroadcast(server);
      metrics.broadcast300P50Ms = rounded(quantile(waitsMs, 0.5));
      metrics.broadcast300P99Ms = rounded(quantile(waitsMs, 0.99));
    });
    console.log(JSON.stringify({ bench: "convex", metrics, calibration }));
  } finally {
    remove();
  }

  function copyOf(from: string, name: string): string {
    cpSync(from, join(dir, name), { recursive: true });
    return join(dir, name);
  }
}

const tell = (phase: string): void => void process.stderr.write(`bench:convex: ${phase}\n`);

/** bench/inside.ts, in a process of its own. */
async function inside(dir: string): Promise<Measured> {
  const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "inside.ts"), dir], {
    env: { PATH: process.env.PATH ?? "", HOME: dir },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new Error(`inside.ts ended with ${code}`);
  return JSON.parse(text.trim().split("\n").at(-1) ?? "") as Measured;
}

async function served(dir: string, work: (server: ServerProcess) => Promise<void>): Promise<void> {
  const server = await spawnServer(dir, 0);
  try {
    await work(server);
  } finally {
    await server.terminate();
  }
}

/** ms from starting the process, after a `kill -9` amid writes, to the first answer to a query. */
async function restart(dir: string): Promise<number> {
  const killed = await spawnServer(dir, 0);
  await Promise.all(Array.from({ length: 100 }, (_, at) => call(killed.url, "mutation", "messages:send", sendArgs(at))));
  await killed.kill9();
  const startedAt = performance.now();
  const server = await spawnServer(dir, 0);
  await call(server.url, "query", "messages:latest", { channel: channelOf(1), count: 5 });
  const tookMs = performance.now() - startedAt;
  await server.terminate();
  return Math.round(tookMs);
}

/** Through `fetch`, kept alive: a stock client adds its own work to the same request. */
async function httpCommits({ url }: ServerProcess, inFlight: number): Promise<number> {
  const send = (at: number) => call(url, "mutation", "messages:send", sendArgs(at));
  for (let at = 0; at < 200; at++) await send(at); // warm
  const startedAt = performance.now();
  let commits = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() - startedAt < HTTP_WINDOW_MS) await send(commits++);
    }),
  );
  return Math.round((commits * 1000) / (performance.now() - startedAt));
}

const sendArgs = (at: number) => ({ channel: channelOf(at), body: BODY });

async function call(url: string, kind: "query" | "mutation", path: string, args: object): Promise<void> {
  const response = await fetch(`${url}/api/${kind}`, {
    method: "POST",
    headers: { authorization: `Convex ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ path, format: "convex_encoded_json", args: [args] }),
  });
  const text = await response.text();
  if (!text.startsWith('{"status":"success"')) throw new Error(`${path}: ${text}`);
}

await main();
