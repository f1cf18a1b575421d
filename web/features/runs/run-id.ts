// A run's name in a URL: "oma-1.coder-2.1", the first attempt of OMA-1's second coder. Readable, and the same for ever.

import type { RunCard } from "../feature/data.ts";

export interface RunName {
  readonly feature: string;
  readonly agent: string;
  readonly attempt: number;
}

export function runId({ agent, attempt }: Pick<RunCard, "agent" | "attempt">): string {
  const [feature, name] = agent.split("/").slice(-2);
  return `${feature}.${name}.${attempt}`;
}

/** Null for anything that is no run's name. */
export function parseRunId(id: string): RunName | null {
  const found = /^([a-z0-9-]+)\.([a-z0-9-]+)\.([1-9]\d{0,5})$/.exec(id);
  if (found === null) return null;
  const [, feature = "", agent = "", attempt = ""] = found;
  return { feature, agent, attempt: Number(attempt) };
}

/** "Coder 2" and, from the second on, "attempt 2". */
export function runTitle({ agent, attempt }: Pick<RunCard, "agent" | "attempt">): string {
  const name = agent.slice(agent.lastIndexOf("/") + 1).replace("-", " ");
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  return attempt > 1 ? `${title}, attempt ${attempt}` : title;
}
