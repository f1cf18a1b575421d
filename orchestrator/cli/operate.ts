// What the command line asks of the orchestrator as its operator: why a feature is not running, what is parked, and the brake for everything.

import { userInfo } from "node:os";
import { z } from "zod";
import { OmakaseError, reasonOf } from "../errors.ts";
import { SettingsMissing } from "./settings.ts";
import { OrchestratorAway } from "./status.ts";

export interface OperatorSettings {
  readonly orchestratorUrl: string | null;
  /** Null when nobody has given one. */
  readonly operatorKey: string | null;
}

export class OperatorRefused extends OmakaseError {
  readonly code = "operator_refused";
  readonly retryable = false;
}

const vReasons = z.object({
  features: z.array(
    z.object({
      address: z.string(),
      key: z.string(),
      label: z.string(),
      isMoving: z.boolean(),
      reasons: z.array(z.object({ kind: z.string(), text: z.string(), until: z.number().nullable() })),
    }),
  ),
});
const vTold = z.object({ organizations: z.number(), projects: z.number() });

/** One paragraph for each feature with that key. @throws {OmakaseError} saying what to do */
export async function explain(settings: OperatorSettings, key: string, project: string | null): Promise<string> {
  const query = new URLSearchParams({ key, ...(project === null ? {} : { project }) });
  const { features } = vReasons.parse(await call(settings, `/why?${query}`, null));
  if (features.length === 0) return `no project has a feature ${key}`;
  return features.map(paragraph).join("\n\n");
}

function paragraph({ address, key, label, isMoving, reasons }: z.infer<typeof vReasons>["features"][number]): string {
  const lines = reasons.map(({ kind, text, until }) => {
    const when = until === null ? "" : ` (until ${new Date(until).toISOString()})`;
    return `  - ${kind}: ${text}${when}`;
  });
  const said = isMoving ? "nothing stands in its way" : lines.length === 0 ? "it is about to move" : "it is not running because";
  return [`${key} (${address}) is: ${label}; ${said}`, ...lines].join("\n");
}

const vParked = z.object({
  actors: z.array(
    z.object({
      address: z.string(),
      reason: z.string(),
      event: z
        .object({
          id: z.string(),
          json: z.string().nullable(),
          sender: z.object({ kind: z.string(), name: z.string() }),
          error: z.string(),
          tries: z.number(),
          at: z.number(),
        })
        .nullable(),
    }),
  ),
});

const parked = async (settings: OperatorSettings, project: string | null) =>
  vParked.parse(await call(settings, `/parked${project === null ? "" : `?${new URLSearchParams({ project })}`}`, null)).actors;

/** A paragraph for each actor that waits for a person. @throws {OmakaseError} saying what to do */
export async function listParked(settings: OperatorSettings, project: string | null): Promise<string> {
  const actors = await parked(settings, project);
  if (actors.length === 0) return "nothing is parked";
  return actors
    .map(({ address, reason, event }) => {
      if (event === null) return `${address} cannot be used: ${reason}`;
      const { id, json, sender, error, tries, at } = event;
      const from = `  event ${id}, from ${sender.name} (${sender.kind}), last tried ${new Date(at).toISOString()}`;
      return [`${address} failed ${tries} times: ${error}`, from, `  ${json ?? "a timer's"}`].join("\n");
    })
    .join("\n\n");
}

/** Has a parked actor's event tried again, or dropped for good. @throws {OmakaseError} saying what to do */
export async function release(
  settings: OperatorSettings,
  address: string,
  decision: "retry" | "drop",
  reason: string,
): Promise<string> {
  const found = (await parked(settings, address.split("/", 2).join("/"))).find((one) => one.address === address);
  if (found === undefined) return `${address} is not parked`;
  const by = `${userInfo().username} (command line)`;
  const eventId = found.event?.id ?? null;
  await call(settings, "/operator/parked", { address, decision, eventId, reason, by, key: crypto.randomUUID() });
  return decision === "drop" ? `${eventId} is dropped: ${address} goes on` : `${address} is back in service: it tries again`;
}

export type Steer = { kind: "hold"; mode: "starts" | "drain" | "stop"; reason: string } | { kind: "resume" };

/** Holds or resumes one organisation, or all of them. @throws {OmakaseError} saying what to do */
export async function steer(settings: OperatorSettings, organization: string | null, command: Steer): Promise<string> {
  const body = { organization, command, by: `${userInfo().username} (command line)`, key: crypto.randomUUID() };
  const { organizations, projects } = vTold.parse(await call(settings, "/operator/steer", body));
  return `told ${projects} projects of ${organizations} organisations`;
}

async function call({ orchestratorUrl, operatorKey }: OperatorSettings, path: string, body: object | null): Promise<unknown> {
  if (orchestratorUrl === null)
    throw new OrchestratorAway("Omakase is not running here: start it with npm start, or set ORCHESTRATOR_URL to where it runs");
  if (operatorKey === null)
    throw new SettingsMissing("the operator's key is not known here: set OPERATOR_KEY to the orchestrator's own");
  let response: Response;
  try {
    response = await fetch(`${orchestratorUrl}${path}`, {
      method: body === null ? "GET" : "POST",
      headers: { authorization: `Bearer ${operatorKey}`, "content-type": "application/json" },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
  } catch (cause) {
    throw new OrchestratorAway(`nothing answers at ${orchestratorUrl}: ${reasonOf(cause)}`, { cause });
  }
  const answer = (await response.json().catch(() => ({}))) as { message?: string };
  if (!response.ok) throw new OperatorRefused(answer.message ?? `the orchestrator answered ${response.status}`);
  return answer;
}
