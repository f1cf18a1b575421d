// Starts a whole Omakase of its own for the browser tests, in a folder and on ports of its own, and ends it afterwards.
// Set OMAKASE_URL to run them against one that is running already; it must be the local sample.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium } from "./chromium.ts";

const ROOT = join(import.meta.dirname, "../..");
/** The first start builds the dashboard. */
const START_TIMEOUT_MS = 240_000;
const PORTS_NEEDED = 9;

export default async function setUp(): Promise<() => Promise<void>> {
  process.env.E2E_CHROMIUM = await findChromium();
  if (process.env.OMAKASE_URL) return async () => {};
  const stateDir = mkdtempSync(join(tmpdir(), "omakase-e2e-"));
  const base = await freePorts();
  const child = spawn("bun", [join(ROOT, "scripts/start.ts"), "--state", stateDir, "--port-base", String(base)], {
    cwd: ROOT,
    env: { NODE_ENV: "production", PATH: process.env.PATH, HOME: stateDir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = async () => {
    await ended(child);
    rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    await running(child);
  } catch (error) {
    await end();
    throw error;
  }
  process.env.OMAKASE_URL = `http://localhost:${base}`;
  return end;
}

function running(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-8_000);
    if (said.includes("Omakase is running")) resolve();
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  child.once("exit", () => reject(new Error(`Omakase did not start:\n${said}`)));
  const timer = setTimeout(() => reject(new Error(`Omakase was not up in time:\n${said}`)), START_TIMEOUT_MS);
  return promise.finally(() => clearTimeout(timer));
}

/** SIGTERM, and waits for the launcher, which waits for its parts. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

/** The first of a run of ports that nobody listens on. */
async function freePorts(): Promise<number> {
  for (let base = 21_000 + (process.pid % 20_000); base < 60_000; base += PORTS_NEEDED) {
    const free = await Promise.all(Array.from({ length: PORTS_NEEDED }, (_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("There are no free ports for a stack of its own.");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
