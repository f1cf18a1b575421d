// The command line, parsed once. A wrong option gets one sentence saying what to write instead.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isLastStatus, type LastStatus } from "./domain/task.ts";
import type { EcsOptions } from "./ecs.ts";
import { EcsStartError } from "./errors.ts";

const USAGE = `bun local/ecs/main.ts --dir <folder> --image '<name>=["program","argument"]' [--port 4030] [--image-env NAME=VALUE ...]
  [--events-url <url> --events-key-file <file> [--events-status <status> ...]] [--vcpu 6] [--run-task-per-second 20] [--latency 5,10,5] [--hide <folder> ...] [--expose <folder> ...]`;

const wrong = (problem: string): EcsStartError => new EcsStartError("bad_option", `${problem}\nUsage: ${USAGE}`);

/** @param path what tasks find programs by @throws {EcsStartError} code `bad_option` */
export function readSettings(argv: readonly string[], path: string): EcsOptions {
  const values = parse(argv);
  const dir = values.dir;
  if (!dir) throw wrong("--dir is missing: name the folder this server keeps its state in.");
  const images = Object.fromEntries((values.image ?? []).map(readImage));
  const runTaskPerSecond = readNumber("--run-task-per-second", values["run-task-per-second"], 1, 100_000);
  const vcpu = readNumber("--vcpu", values.vcpu, 0.25, 100_000);
  const events = readEvents(values["events-url"], values["events-key-file"]);
  const eventStatuses = values["events-status"]?.map(readStatus);
  return {
    dir,
    port: readNumber("--port", values.port, 0, 65_535) ?? 4030,
    images,
    imageEnv: Object.fromEntries((values["image-env"] ?? []).map((text) => readPair("--image-env", text))),
    path,
    ...(events ? { events } : {}),
    ...(eventStatuses ? { eventStatuses } : {}),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(runTaskPerSecond === undefined ? {} : { runTaskPerSecond }),
    ...(values.latency === undefined ? {} : { latency: readLatency(values.latency) }),
    hide: values.hide ?? [],
    expose: values.expose ?? [],
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        dir: { type: "string" },
        port: { type: "string" },
        image: { type: "string", multiple: true },
        "image-env": { type: "string", multiple: true },
        "events-url": { type: "string" },
        "events-key-file": { type: "string" },
        "events-status": { type: "string", multiple: true },
        vcpu: { type: "string" },
        "run-task-per-second": { type: "string" },
        latency: { type: "string" },
        hide: { type: "string", multiple: true },
        expose: { type: "string", multiple: true },
      },
    }).values;
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
}

function readPair(option: string, text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw wrong(`${option} takes NAME=VALUE, not "${text.slice(0, 40)}".`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** An image's name may hold a "=": the command begins at the first "=[". */
function readImage(text: string): [string, string[]] {
  const at = text.indexOf("=[");
  let argv: unknown;
  try {
    argv = JSON.parse(text.slice(at + 1));
  } catch {
    argv = null;
  }
  if (at < 1 || !Array.isArray(argv) || argv.length === 0 || !argv.every((part) => typeof part === "string")) {
    throw wrong(`--image takes <name>=<JSON list of strings>, not "${text.slice(0, 80)}".`);
  }
  return [text.slice(0, at), argv];
}

function readNumber(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !(value >= min && value <= max))
    throw wrong(`${option} takes a number from ${min} to ${max}, not "${text}".`);
  return value;
}

function readLatency(text: string): EcsOptions["latency"] {
  const [provisioningMs, pendingMs, stoppingMs, ...more] = text.split(",").map(Number);
  const all = [provisioningMs, pendingMs, stoppingMs];
  if (more.length > 0 || !all.every((ms) => ms !== undefined && ms >= 0 && ms <= 600_000)) {
    throw wrong(`--latency takes three times in ms (provisioning, pending, stopping), as in 5,10,5, not "${text}".`);
  }
  return { provisioningMs, pendingMs, stoppingMs };
}

function readEvents(url: string | undefined, keyFile: string | undefined): EcsOptions["events"] {
  if (url === undefined && keyFile === undefined) return undefined;
  if (url === undefined || keyFile === undefined) throw wrong("--events-url and --events-key-file belong together.");
  if (!URL.canParse(url)) throw wrong(`--events-url takes a URL, not "${url}".`);
  try {
    const apiKey = readFileSync(keyFile, "utf8").trim();
    if (apiKey === "") throw new Error("it is empty");
    return { url, apiKey };
  } catch (cause) {
    throw wrong(`--events-key-file ${keyFile} cannot be used: ${cause instanceof Error ? cause.message : cause}.`);
  }
}

function readStatus(text: string): LastStatus {
  if (!isLastStatus(text)) throw wrong(`--events-status takes a task's status, as in STOPPED, not "${text.slice(0, 40)}".`);
  return text;
}
