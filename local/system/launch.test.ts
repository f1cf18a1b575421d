// `npm start` as a person meets it: a second start goes on, a taken port and a double start are said in one sentence, nothing is left.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareLaunch } from "@omakase/local-launcher/launch";
import { readOptions } from "@omakase/local-launcher/options";
import { freePorts, ROOT } from "./headless.ts";
import { Tickets } from "./tickets.ts";
import { Reader } from "./watch.ts";

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function setup() {
  const stateDir = mkdtempSync(join(tmpdir(), "omakase-launch-"));
  cleanUp.push(() => rmSync(stateDir, { recursive: true, force: true }));
  const base = await freePorts();
  const options = readOptions(ROOT, ["--state", stateDir, "--port-base", String(base), "--no-web"], {});
  const lines: string[] = [];
  const prepare = async () => {
    const launch = await prepareLaunch(ROOT, options, (line) => lines.push(line));
    cleanUp.push(() => launch.stop());
    return launch;
  };
  return { prepare, base, lines };
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("a second start resumes in the middle of a pipeline, pushes nothing again, and Ctrl-C leaves no process", async () => {
  const { prepare, lines } = await setup();
  const first = await prepare();
  await first.start();
  const reader = await Reader.signedIn(first, "Dana");
  await reader.boardWhere((cards) => cards.length === 5, 20_000);
  await new Tickets(first).move("OMA-1", "Todo");
  await reader.boardWhere((cards) => cards.some(({ key, state }) => key === "OMA-1" && state === "coder.working"), 60_000);
  await reader.close();
  const pids = ["convex", "orchestrator", "ecs", "linear", "github", "identity", "model"].map((name) => first.pidOf(name) ?? 0);
  expect(pids.every(isAlive)).toBe(true);
  await first.stop();
  expect(pids.filter(isAlive)).toEqual([]);

  lines.length = 0;
  const second = await prepare();
  await second.start();
  expect(lines).toEqual(["starting the far ends", "starting the orchestrator"]);
  const after = await Reader.signedIn(second, "Dana");
  await after.boardWhere((cards) => cards.some(({ key, state }) => key === "OMA-1" && state === "passing"), 120_000);
  await after.close();
}, 240_000);

test("a port that somebody else has is named, with what to do", async () => {
  const { prepare, base } = await setup();
  const stranger = createServer().listen(base + 1, "127.0.0.1");
  cleanUp.push(() => void stranger.close());
  await new Promise((resolve) => stranger.once("listening", resolve));
  expect(prepare()).rejects.toThrow(
    `port ${base + 1} (orchestrator) is taken by another program: stop that program, or start on other ports`,
  );
});
