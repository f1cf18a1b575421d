// The dashboard's settings, read from the environment when a request needs them: one build serves every environment, so nothing
// is baked into it. Server only.

/** What the browser has to know. */
export interface PublicSettings {
  readonly convexUrl: string;
  readonly orchestratorUrl: string;
}

export interface Settings extends PublicSettings {
  /** Where people reach the dashboard, without a trailing slash. */
  readonly appBaseUrl: string;
}

export class SettingsError extends Error {
  readonly code = "settings";
}

/** @throws {SettingsError} naming every setting that is missing or no URL */
export function readSettings(env: Readonly<Record<string, string | undefined>> = process.env): Settings {
  const faults: string[] = [];
  const url = (name: string): string => {
    const text = env[name] ?? "";
    if (/^https?:\/\//.test(text) && URL.canParse(text)) return text.replace(/\/+$/, "");
    faults.push(text === "" ? `${name} is not set` : `${name} is no http(s) address: "${text}"`);
    return "";
  };
  const settings = { convexUrl: url("CONVEX_URL"), orchestratorUrl: url("ORCHESTRATOR_URL"), appBaseUrl: url("APP_BASE_URL") };
  if (faults.length > 0) throw new SettingsError(`The dashboard cannot work: ${faults.join("; ")}.`);
  return settings;
}
