// DBOS beside us: its library in one Bun process, a PostgreSQL of our own with fsync on.

import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WARM_STEPS } from "../warm-up.ts";
import { JOURNALLED_MS, type PeerFigures, SLEEP_MS, SLEEPERS } from "./peer.ts";
import { freePorts, PeerProcess } from "./processes.ts";

/** @throws with what to install when this machine has no PostgreSQL */
export async function measureDbos(folder: string): Promise<PeerFigures> {
  const database = await startPostgres();
  const app = (mode: string) =>
    new PeerProcess([process.execPath, join(folder, "dbos-app.mjs")], folder, {
      DATABASE: database.url,
      MODE: mode,
      SLEEP_MS: String(SLEEP_MS),
      WARM_STEPS: String(WARM_STEPS),
      NODE_ENV: "production",
    });
  try {
    const perf = app("perf");
    await perf.exited;
    const line = await perf.until("its figures", () => true);
    const figures = JSON.parse(line) as Omit<PeerFigures, "recovery1kMs">;
    const first = app("sleep");
    await first.until("all asleep", (peer) => peer.said("asleep") >= SLEEPERS);
    await Bun.sleep(JOURNALLED_MS);
    const allDueAt = Date.now() + SLEEP_MS;
    if (first.said("resumed") > 0) throw new Error("some woke before all were asleep");
    await first.kill();
    await Bun.sleep(Math.max(0, allDueAt - Date.now()));
    const startedAt = Date.now();
    const second = app("recover");
    await second.until("all resumed", (peer) => peer.said("resumed") >= SLEEPERS);
    const recovery1kMs = Date.now() - startedAt;
    await second.kill();
    return { ...figures, recovery1kMs };
  } finally {
    await database.end();
  }
}

async function startPostgres(): Promise<{ url: string; end: () => Promise<void> }> {
  const programs = programsFolder();
  const data = mkdtempSync(join(tmpdir(), "omakase-postgres-"));
  const [port = 0] = freePorts(1);
  // PostgreSQL refuses to run as root.
  const asOther = process.getuid?.() === 0 ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] : [];
  if (asOther.length > 0) {
    const [uid, gid] = await Promise.all(["-u", "-g"].map(async (flag) => Number(await Bun.$`id ${flag} postgres`.text())));
    chownSync(data, uid ?? 0, gid ?? 0);
  }
  const run = (words: readonly string[]) => new PeerProcess([...asOther, ...words], data, { LANG: "C.UTF-8" });
  const made = await run([join(programs, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-N"]).exited;
  if (made !== 0) throw new Error("initdb failed: its lines above say why");
  const options = [
    "-D",
    data,
    "-p",
    String(port),
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    `unix_socket_directories=${data}`,
    "-c",
    "log_min_messages=panic",
  ];
  const server = run([join(programs, "postgres"), ...options]);
  const url = `postgresql://postgres@127.0.0.1:${port}/peers`;
  const end = Date.now() + 30_000;
  while ((await run([join(programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", String(port)]).exited) !== 0) {
    if (Date.now() > end) throw new Error("PostgreSQL does not answer");
    await Bun.sleep(100);
  }
  await run([join(programs, "createdb"), "-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "peers"]).exited;
  return {
    url,
    end: async () => {
      await server.kill();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function programsFolder(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((one, other) => Number(other) - Number(one)) : [];
  const [newest] = versions;
  if (!newest) throw new Error("DBOS needs PostgreSQL: install Debian's package postgresql and run this again");
  return join(root, newest, "bin");
}
