// What the operating system says of processes: who lives, who descends from whom, who carries a task's mark. Reads /proc, or asks `ps`
// where there is none. Sends signals to processes it was told of, never to a name.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ProcessMark } from "../domain/task.ts";

export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly isZombie: boolean;
  /** Identifies the process together with its pid; sorts by age on Linux. */
  readonly startedAt: string;
}

const PS_ENV = { PATH: "/usr/bin:/bin" };
const HAS_PROC = existsSync("/proc/self/stat");

/** Changes with every start of the machine; empty where the system does not tell. */
const BOOT_ID = readOrEmpty("/proc/sys/kernel/random/boot_id").trim();

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // it ended, or is not ours to read
  }
}

/** Every process of the machine, as far as it can be seen. */
export function allProcesses(): ProcessRow[] {
  return HAS_PROC ? allPids().flatMap((pid) => procRow(pid) ?? []) : psRows([]);
}

const allPids = (): number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

function procRow(pid: number): ProcessRow | null {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  if (stat === "") return null;
  // The command's name stands in brackets and may hold anything; the rest follows the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session] = fields;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    isZombie: state === "Z" || state === "X",
    startedAt: (fields[19] ?? "").padStart(20, "0"),
  };
}

function psRows(selection: readonly string[]): ProcessRow[] {
  const columns = "pid=,ppid=,pgid=,sess=,stat=,lstart=";
  const { stdout } = spawnSync("ps", [...(selection.length > 0 ? selection : ["-A"]), "-o", columns], {
    encoding: "utf8",
    env: PS_ENV,
  });
  return stdout.split("\n").flatMap((line) => {
    const [pid, parent, group, session, stat, ...started] = line.trim().split(/\s+/);
    if (!pid || !stat) return [];
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      isZombie: stat.startsWith("Z"),
      startedAt: started.join(" "),
    };
  });
}

const rowOf = (pid: number): ProcessRow | null => (HAS_PROC ? procRow(pid) : (psRows(["-p", String(pid)])[0] ?? null));

/** How to know a living process again after a restart of this server; null when it has ended already. */
export function markOf(pid: number): ProcessMark | null {
  const row = rowOf(pid);
  return row && !row.isZombie ? { pid, startedAt: row.startedAt, bootId: BOOT_ID } : null;
}

/** The mark of a process that has ended before it could be looked at: it matches none. */
export const endedMark = (pid: number): ProcessMark => ({ pid, startedAt: "ended", bootId: BOOT_ID });

/** The command line of a process; empty when it has ended. */
export function commandOf(pid: number): string {
  if (HAS_PROC) return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  return spawnSync("ps", ["-p", String(pid), "-o", "command="], { encoding: "utf8", env: PS_ENV }).stdout;
}

/** Whether exactly that process still runs: not a later one that was given the same id. */
export function isAlive(mark: ProcessMark): boolean {
  if (!isOfThisBoot(mark)) return false;
  const row = rowOf(mark.pid);
  return row !== null && !row.isZombie && row.startedAt === mark.startedAt;
}

/** Whether the machine is still in the same run as when the mark was taken. */
export const isOfThisBoot = (mark: ProcessMark): boolean => mark.bootId === BOOT_ID;

/** The processes below `root`, itself not included, and whatever else is in its session: oldest generation first. */
export function descendants(root: number, rows: readonly ProcessRow[]): ProcessRow[] {
  const found = new Map<number, ProcessRow>();
  let generation = [root];
  while (generation.length > 0) {
    const parents = new Set(generation);
    const children = rows.filter((row) => parents.has(row.parent) && row.pid !== root && !found.has(row.pid));
    for (const child of children) found.set(child.pid, child);
    generation = children.map(({ pid }) => pid);
  }
  for (const row of rows) if (row.session === root && row.pid !== root) found.set(row.pid, row);
  return [...found.values()].filter(({ isZombie }) => !isZombie);
}

/** The oldest child of the oldest child of ... `root`, `depth` generations down; null when there is none (yet). */
export function firstborn(root: number, depth: number): number | null {
  let pid: number | null = root;
  for (let generation = 0; pid !== null && generation < depth; generation++) pid = eldestChild(pid);
  return pid;
}

/** Process ids are given out in rising order, round and round: from the parent's own on, the first child met is the eldest. */
function eldestChild(parent: number): number | null {
  const isChild = (row: ProcessRow | null) => row !== null && row.parent === parent && !row.isZombie;
  if (!HAS_PROC) {
    const born = psRows([]).filter(isChild);
    return born.sort((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.pid - b.pid))[0]?.pid ?? null;
  }
  const pids = allPids().sort((a, b) => a - b);
  const later = pids.findIndex((pid) => pid > parent);
  const inOrder = later === -1 ? pids : [...pids.slice(later), ...pids.slice(0, later)];
  return inOrder.find((pid) => isChild(procRow(pid))) ?? null;
}

/** Processes that were started with `text` somewhere in their environment. Empty where /proc is missing. */
export function carriersOf(text: string, rows: readonly ProcessRow[]): number[] {
  if (!HAS_PROC) return [];
  return rows
    .filter(({ pid, isZombie }) => !isZombie && readOrEmpty(`/proc/${pid}/environ`).includes(text))
    .map(({ pid }) => pid);
}

/** Memory that is the processes' own (not files they map), in MiB. Zero where /proc is missing. */
export function privateMemoryMiB(rows: readonly ProcessRow[]): number {
  let kib = 0;
  for (const { pid } of rows) {
    const status = readOrEmpty(`/proc/${pid}/status`);
    kib += Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) + Number(/^RssShmem:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return kib / 1024;
}

/** Sends a signal; a negative pid means the group. A process that has ended is no error. @returns whether it was there */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
