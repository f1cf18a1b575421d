// `bun run bench:peers`: the host beside Restate and DBOS, in the same run, on the same machine. Their packages are fetched for the run,
// at exact versions; DBOS needs PostgreSQL on the machine. The last line is one JSON object.
//
//   …Steps1, …Steps64   durable steps a second: of one workflow (us: one event at a time), of 64 at once
//   …Recovery1kMs       from the start of the processes to the last of 1,000 overdue timers
//   Each is warmed up by the same number of steps first (warm-up.ts).
//   ratio…              ours over theirs; of recoveries theirs over ours. Above 1 is ahead
//
// What they do differs: each peer's step is a function's result in its own journal, ours is an event consumed, a snapshot, a log row
// and a card written, through a database server of its own.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calibrate } from "@omakase/local-system/bench/calibration";
import { recovery, stepRate, warmUp } from "./measures.ts";
import { measureDbos } from "./peers/dbos.ts";
import type { PeerFigures } from "./peers/peer.ts";
import { measureRestate } from "./peers/restate.ts";
import { Stage } from "./stage.ts";

async function measureOurs(): Promise<PeerFigures> {
  const stage = await Stage.set();
  try {
    const features = await stage.features(await stage.project("shop"), 256);
    await warmUp(stage, features);
    const steps1 = Math.round(await stepRate(stage, features, 1, 1_500));
    const steps64 = Math.round(await stepRate(stage, features, 64, 12_000));
    return { steps1, steps64, recovery1kMs: (await recovery(stage, 1_000)).ms };
  } finally {
    await stage.end();
  }
}

async function withPackages<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "omakase-peers-"));
  try {
    cpSync(join(import.meta.dir, "peers"), folder, { recursive: true });
    const installed = await Bun.spawn([process.execPath, "install"], { cwd: folder, stdout: "ignore", stderr: "inherit" }).exited;
    if (installed !== 0) throw new Error("the peers' packages could not be installed: the lines above say why");
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const named = (name: string, { steps1, steps64, recovery1kMs }: PeerFigures) => ({
  [`${name}Steps1`]: steps1,
  [`${name}Steps64`]: steps64,
  [`${name}Recovery1kMs`]: recovery1kMs,
});

/** Ours over theirs, so that above 1 is ahead. */
function ratios(name: string, ours: PeerFigures, theirs: PeerFigures) {
  const ratio = (one: number, other: number) => Math.round((one * 100) / other) / 100;
  return {
    [`ratio${name}Steps1`]: ratio(ours.steps1, theirs.steps1),
    [`ratio${name}Steps64`]: ratio(ours.steps64, theirs.steps64),
    [`ratio${name}Recovery1k`]: ratio(theirs.recovery1kMs, ours.recovery1kMs),
  };
}

const calibration = calibrate();
const say = (name: string, figures: PeerFigures) => console.error(`bench:peers: ${name} ${JSON.stringify(figures)}`);
const ours = await measureOurs();
say("omakase", ours);
const { restate, dbos } = await withPackages(async (folder) => {
  const measured = { restate: await measureRestate(folder), dbos: await measureDbos(folder) };
  say("restate", measured.restate);
  say("dbos", measured.dbos);
  return measured;
});
const metrics = {
  ...named("omakase", ours),
  ...named("restate", restate),
  ...named("dbos", dbos),
  ...ratios("Restate", ours, restate),
  ...ratios("Dbos", ours, dbos),
};
console.log(JSON.stringify({ bench: "peers", metrics, calibration }));
process.exit();
