// What the commands need to know: from the environment, or else from the file the launcher leaves while Omakase runs on this machine.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OmakaseError } from "../errors.ts";

export class SettingsMissing extends OmakaseError {
  readonly code = "settings_missing";
  readonly retryable = false;
}

export interface CliSettings {
  readonly linear: { readonly apiUrl: string; readonly apiKey: string };
  /** Where the orchestrator answers; null when nobody has said. */
  readonly orchestratorUrl: string | null;
  /** What makes its holder the operator; null when nobody has given one. */
  readonly operatorKey: string | null;
  /** Where people steer features; null when nobody has said. */
  readonly webUrl: string | null;
}

/**
 * The environment wins: LINEAR_API_KEY with LINEAR_API_URL (Linear's own by default), ORCHESTRATOR_URL, OPERATOR_KEY, WEB_URL. A key that lies in
 * the shell is used only with a LINEAR_API_URL beside it, or when nothing runs here: it never meets the local stand-in by accident.
 * @param stateDir the launcher's state folder, `.omakase`
 * @throws {SettingsMissing} saying how to get them
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>, stateDir: string): CliSettings {
  const run = readRunFile(join(stateDir, "run.json"));
  const isAsked = Boolean(env.LINEAR_API_KEY && env.LINEAR_API_URL);
  const settings = run && !isAsked ? run.settings : env;
  const apiKey = settings.LINEAR_API_KEY;
  if (!apiKey) {
    throw new SettingsMissing(
      `Omakase is not running here (no ${join(stateDir, "run.json")}) and LINEAR_API_KEY is not set: start it with npm start, or set LINEAR_API_KEY to a key of your Linear account`,
    );
  }
  return {
    linear: { apiKey, apiUrl: settings.LINEAR_API_URL || "https://api.linear.app/graphql" },
    orchestratorUrl: env.ORCHESTRATOR_URL || run?.urls.orchestrator || null,
    operatorKey: env.OPERATOR_KEY || run?.settings.OPERATOR_KEY || null,
    webUrl: env.WEB_URL || run?.urls.web || null,
  };
}

interface RunFile {
  readonly urls: Readonly<Record<string, string | undefined>>;
  readonly settings: Readonly<Record<string, string | undefined>>;
}

/** @returns null when nothing runs here @throws {SettingsMissing} when the file is damaged */
function readRunFile(file: string): RunFile | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return null;
  }
  try {
    const { urls = {}, settings = {} } = JSON.parse(text) as Partial<RunFile>;
    return { urls, settings };
  } catch (cause) {
    throw new SettingsMissing(`${file} cannot be read: stop Omakase and start it again with npm start`, { cause });
  }
}
