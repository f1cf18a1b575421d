// How far a task is kept apart from this machine: decided once, at start, by trying it.
//   bubblewrap  own process tree; the whole disk read-only; private /tmp and /run; the user's home and this server's state hidden
//   namespace   own process tree: nothing outlives its main process, and it sees no other process (or its environment). Same disk.
//   group       a process group: for order, not for safety
// In none of them is the network cut: a task has to reach the machine's loopback.
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";

export type IsolationKind = "bubblewrap" | "namespace" | "group";

export interface Isolation {
  readonly kind: IsolationKind;
  /** Why it is this one, for a person who reads the log. */
  readonly because: string;
  /** Generations between the supervisor and the task's main process. */
  readonly mainDepth: number;
  /** Whether the end of the main process ends everything it started, wherever that hid. */
  readonly endsWholeTree: boolean;
  /** The command that runs `argv` inside, with `home` as the one folder it may write to. */
  wrap(argv: readonly string[], home: string): string[];
}

export interface IsolationNeeds {
  /** This server's state: hidden from tasks where that is possible. */
  readonly dir: string;
  /** More folders to hide. */
  readonly hide: readonly string[];
  /** Folders tasks read that lie in a hidden place. */
  readonly expose: readonly string[];
  /** What tasks are given to find programs by. */
  readonly path: string;
  /** Every image's argv: what it names must be there inside. */
  readonly images: readonly (readonly string[])[];
}

/** Runs the command as the sandbox's second process, so that process 1 reaps what is orphaned and the command's own signals work. */
const INIT = '"$@"; exit $?';

const group: Isolation = {
  kind: "group",
  because: "neither bubblewrap nor process namespaces can be used here",
  mainDepth: 1,
  endsWholeTree: false,
  wrap: (argv) => [...argv],
};

const namespace = (program: string, userFlags: readonly string[], because: string): Isolation => ({
  kind: "namespace",
  because,
  mainDepth: 3,
  endsWholeTree: true,
  wrap: (argv) => [
    program,
    ...userFlags,
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
    "/bin/sh",
    "-c",
    INIT,
    "init",
    ...argv,
  ],
});

/**
 * The best isolation that works here, or exactly the one asked for.
 * @throws {Error} saying why, when the one asked for does not work
 */
export function chooseIsolation(wish: "auto" | IsolationKind, needs: IsolationNeeds): Isolation {
  if (wish === "group") return { ...group, because: "asked for" };
  const refusals: string[] = [];
  const candidates = [
    { isolation: bubblewrap(needs), probes: imagePaths(needs) },
    { isolation: namespace(programAt("unshare", needs), [], "processes can be kept apart"), probes: [] },
    {
      isolation: namespace(programAt("unshare", needs), ["--user", "--map-current-user"], "processes can be kept apart"),
      probes: [],
    },
  ];
  for (const { isolation, probes } of candidates) {
    if (wish !== "auto" && wish !== isolation.kind) continue;
    const refusal = tryOut(isolation, needs, probes);
    if (refusal === null) return { ...isolation, because: [isolation.because, ...refusals].join("; ") };
    refusals.push(`${isolation.kind}: ${refusal}`);
  }
  if (wish !== "auto") throw new Error(`Isolation "${wish}" does not work here (${refusals.join("; ")}).`);
  return { ...group, because: refusals.join("; ") };
}

/** Runs a command that checks what the images need. @returns null when it worked, else why not */
function tryOut(isolation: Isolation, needs: IsolationNeeds, mustExist: readonly string[]): string | null {
  const check =
    'for path; do [ -e "$path" ] || { echo "$path is hidden inside: name its folder with --expose" >&2; exit 9; }; done';
  const [program = "", ...rest] = isolation.wrap(["/bin/sh", "-c", check, "probe", ...mustExist], needs.dir);
  const run = spawnSync(program, rest, { env: { PATH: needs.path }, encoding: "utf8", timeout: 5_000 });
  if (run.error) return "code" in run.error && run.error.code === "ENOENT" ? `${program} is not installed` : run.error.message;
  if (run.status === 0) return null;
  return run.stderr.trim().split("\n").at(-1) || `${program} ended with ${run.status ?? run.signal}`;
}

/** The whole path, since a task may be given another PATH than ours; the bare name when it is not installed. */
const programAt = (name: string, { path }: IsolationNeeds): string => Bun.which(name, { PATH: path }) ?? name;

const imagePaths = ({ images }: IsolationNeeds): string[] => images.flat().filter((part) => isAbsolute(part) && existsSync(part));

function bubblewrap(needs: IsolationNeeds): Isolation {
  const program = programAt("bwrap", needs);
  const before = bubblewrapView(needs);
  return {
    kind: "bubblewrap",
    because: "bubblewrap is installed",
    mainDepth: 3,
    endsWholeTree: true,
    wrap: (argv, home) => [program, ...before, "--bind", home, home, "--chdir", home, "--", ...argv],
  };
}

/** The mounts, in order: everything read-only; private places over it; what tasks need from those places; what they must not see. */
export function bubblewrapView(needs: IsolationNeeds): string[] {
  const places = ["/tmp", "/run", "/var/tmp", homedir(), "/root"].filter((place) => place !== sep && existsSync(place));
  const masked = [...new Set(places.map((place) => realpathSync(place)))];
  const wanted = [
    "/run/systemd/resolve", // where /etc/resolv.conf often points
    ...needs.path.split(":").filter(isAbsolute),
    ...imagePaths(needs).flatMap((path) => [projectOf(path, masked), dirname(realpathSync(path))]),
    ...needs.expose.map((path) => resolve(path)),
  ];
  const exposed = [...new Set(wanted)].filter((path) => existsSync(path) && masked.some((place) => isWithin(path, place)));
  const hidden = [needs.dir, ...needs.hide].map((path) => resolve(path)).filter((path) => existsSync(path));
  return [
    ...["--die-with-parent", "--unshare-pid", "--unshare-ipc"],
    ...["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    ...masked.flatMap((place) => ["--tmpfs", place]),
    // Outer folders first: a later mount hides an earlier one below it.
    ...exposed.sort().flatMap((path) => ["--ro-bind", path, path]),
    ...[...new Set(hidden)].sort().flatMap((path) => ["--tmpfs", path]),
  ];
}

const isWithin = (path: string, place: string): boolean => path.startsWith(place + sep);

/** What a program needs lies in its project: the outermost folder around it with a package.json, but never a whole hidden place. */
function projectOf(path: string, masked: readonly string[]): string {
  let project = dirname(path);
  for (let folder = project; masked.some((place) => isWithin(folder, place)); folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) project = folder;
  }
  return project;
}
