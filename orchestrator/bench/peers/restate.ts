// Restate 1.7 beside us: its server from the npm package and a service on Bun, four partitions (facts: durable 4.3 says why).

import { rmSync } from "node:fs";
import { join } from "node:path";
import { WARM_STEPS } from "../warm-up.ts";
import { eachAtOnce, JOURNALLED_MS, type PeerFigures, SLEEP_MS, SLEEPERS } from "./peer.ts";
import { freePorts, PeerProcess } from "./processes.ts";

/** @param folder with the packages installed; Restate's data goes there too */
export async function measureRestate(folder: string): Promise<PeerFigures> {
  const [service = 0, ingress = 0, admin = 0, node = 0] = freePorts(4);
  const ports = { service, ingress, admin, node };
  const data = join(folder, "restate-data");
  // The program itself: what npm puts into .bin is a wrapper, and a killed wrapper leaves the server.
  const program = join(folder, `node_modules/@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`);
  const start = () => ({
    server: new PeerProcess([program, "--no-logo"], folder, {
      RESTATE_BASE_DIR: data,
      RESTATE_BIND_IP: "127.0.0.1",
      RESTATE_BIND_PORT: String(ports.node),
      RESTATE_LISTEN_MODE: "tcp",
      RESTATE_NODE_NAME: "bench",
      RESTATE_DISABLE_TELEMETRY: "true",
      DO_NOT_TRACK: "true",
      RESTATE_LOG_FILTER: "off",
      RESTATE_INGRESS__BIND_PORT: String(ports.ingress),
      RESTATE_ADMIN__BIND_PORT: String(ports.admin),
      RESTATE_ADVERTISED_HOST: "127.0.0.1",
      RESTATE_DEFAULT_NUM_PARTITIONS: "4",
      RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE: "1GiB",
    }),
    service: new PeerProcess([process.execPath, join(folder, "restate-service.mjs")], folder, {
      PORT: String(ports.service),
      NODE_ENV: "production",
      RESTATE_LOGGING: "ERROR",
    }),
  });
  const post = async (port: number, path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body ?? null),
    });
    if (!response.ok) throw new Error(`Restate answers ${path} with ${response.status}: ${await response.text()}`);
    await response.text();
  };
  const invoke = (handler: string, body?: unknown) => post(ports.ingress, `/work/${handler}`, body);
  const rate = async (workflows: number, atOnce: number, stepsEach: number) => {
    const startedAt = performance.now();
    await eachAtOnce(workflows, atOnce, () => invoke("steps", stepsEach));
    return Math.round((workflows * stepsEach * 1000) / (performance.now() - startedAt));
  };

  let running = start();
  try {
    await insist(() => post(ports.admin, "/deployments", { uri: `http://127.0.0.1:${ports.service}` }));
    await insist(() => invoke("ping"));
    await rate(WARM_STEPS / 10, 64, 10);
    const figures = { steps1: await rate(1, 1, 1_000), steps64: await rate(1_000, 64, 10) };
    const beganAt = Date.now();
    await eachAtOnce(SLEEPERS, 64, () => invoke("sleep/send", SLEEP_MS));
    await running.service.until("all asleep", (service) => service.said("asleep") >= SLEEPERS);
    await Bun.sleep(JOURNALLED_MS);
    const allDueAt = Date.now() + SLEEP_MS;
    if (running.service.said("resumed") > 0)
      throw new Error(`some woke after ${Date.now() - beganAt} ms, before all were asleep`);
    await Promise.all([running.server.kill(), running.service.kill()]);
    await Bun.sleep(Math.max(0, allDueAt - Date.now()));
    const startedAt = Date.now();
    running = start();
    await running.service.until("all resumed", (service) => service.said("resumed") >= SLEEPERS);
    return { ...figures, recovery1kMs: Date.now() - startedAt };
  } finally {
    await Promise.all([running.server.kill(), running.service.kill()]);
    rmSync(data, { recursive: true, force: true });
  }
}

async function insist(run: () => Promise<void>): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    try {
      await run();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await Bun.sleep(50);
    }
  }
}
