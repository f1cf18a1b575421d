// The scripts a server plays: loaded once from a folder, one file a ticket, with the generic ones behind them.
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { genericActs } from "./generic.ts";
import { type Reached, reach } from "./play.ts";
import { ROLES, type Role } from "./roles.ts";
import type { Act, Acts, Outcome, Scene, TicketScript } from "./script.ts";

/** A script file that cannot be played. */
export class ScriptError extends Error {
  readonly code = "SCRIPT_INVALID";
  override readonly name = "ScriptError";
}

export class Library {
  readonly #scripts = new Map<string, Acts>();

  /** @throws {ScriptError} when two scripts claim one ticket */
  constructor(scripts: readonly TicketScript[]) {
    for (const script of scripts) {
      if (this.#scripts.has(script.ticket)) throw new ScriptError(`Two scripts claim ${script.ticket}: remove one of them.`);
      this.#scripts.set(script.ticket, script.acts);
    }
  }

  /** True when the run is played from a script of its ticket, not from the generic one. */
  hasScript(scene: Scene): boolean {
    return this.#scripts.get(scene.ticket)?.[scene.role] !== undefined;
  }

  /** The step the run has reached. @throws whatever the script throws */
  reach(scene: Scene, outcomes: readonly Outcome[], isSpent: (faultIndex: number, times: number) => boolean): Reached {
    return this.#reachAs(scene.role, scene, outcomes, isSpent);
  }

  #reachAs<R extends Role>(
    role: R,
    scene: Scene,
    outcomes: readonly Outcome[],
    isSpent: (faultIndex: number, times: number) => boolean,
  ) {
    const own: Acts[R] = this.#scripts.get(scene.ticket)?.[role];
    return reach(actOfRound<R>(own ?? genericActs[role], scene.round), scene, outcomes, isSpent);
  }
}

/**
 * Loads every `*.ts` file of the folder that is not a test.
 * @throws {ScriptError} naming the file, when one does not export a script
 */
export async function loadScripts(folder: string): Promise<TicketScript[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new ScriptError(`The scripts folder ${folder} cannot be read: give --scripts an existing folder.`, { cause });
  });
  const files = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts")).sort();
  return Promise.all(files.map((name) => loadScript(join(resolve(folder), name))));
}

async function loadScript(file: string): Promise<TicketScript> {
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw new ScriptError(`${file} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const script = module !== null && typeof module === "object" && "default" in module ? module.default : undefined;
  if (!isTicketScript(script)) throw new ScriptError(`${file} is not a script: its default export must be made with ticket().`);
  return script;
}

function isTicketScript(value: unknown): value is TicketScript {
  if (value === null || typeof value !== "object" || !("ticket" in value) || !("acts" in value)) return false;
  const { ticket, acts } = value;
  if (typeof ticket !== "string" || acts === null || typeof acts !== "object") return false;
  return Object.entries(acts).every(
    ([role, act]) => ROLES.some((known) => known === role) && [act].flat().every((each) => typeof each === "function"),
  );
}

function actOfRound<R extends Role>(acts: NonNullable<Acts[R]>, round: number): Act<R> {
  if (typeof acts === "function") return acts;
  return acts[Math.min(round, acts.length) - 1] ?? acts[0];
}
