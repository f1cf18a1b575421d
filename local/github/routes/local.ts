// Routes that the real GitHub has not: the journal for independent checkers, and faults for tests.
// They need the header `x-omakase-local: 1`, which no page of another site can send without being asked first (and nobody answers).
import { GitHubError, notFound } from "../errors.ts";
import { type Fault, type Faults, WEBHOOK_ROUTE } from "../http/faults.ts";
import { type Input, readInput } from "../http/input.ts";
import { created, empty, ok, type Reply, respond } from "../http/reply.ts";
import { type Incoming, type Method, type Route, route } from "../http/route.ts";
import { readJournal } from "../store/journal.ts";
import type { World } from "../world.ts";

const LOCAL_HEADER = "x-omakase-local";
const MAX_JOURNAL_PAGE = 10_000;
const MAX_DELAY_MS = 60_000;
const KINDS = ["drop-reply", "delay", "status", "drop-delivery", "repeat-delivery"] as const;

/** `routeIds` is asked late: faults may name any route of the finished table. */
export function localRoutes(world: World, routeIds: () => ReadonlySet<string>): Route[] {
  return [
    local("GET", "/__journal", ({ url }) => {
      const after = Number(url.searchParams.get("after") ?? 0);
      return ok({ entries: readJournal(world.db, Number.isSafeInteger(after) ? after : 0, MAX_JOURNAL_PAGE) });
    }),
    local("GET", "/__faults", () => ok({ faults: world.faults.list() })),
    local("POST", "/__faults", async ({ request }) => {
      const fault = readFault(await readInput(request), routeIds());
      world.faults.add(fault);
      return created(fault);
    }),
    local("DELETE", "/__faults", () => cleared(world.faults)),
  ];
}

function local<const Path extends string>(
  method: Method,
  path: Path,
  handle: (incoming: Incoming) => Promise<Reply> | Reply,
): Route {
  return route(method, path, async (incoming) => {
    if (incoming.request.headers.get(LOCAL_HEADER) !== "1") throw notFound();
    return respond(await handle(incoming), incoming.request);
  });
}

function cleared(faults: Faults): Reply {
  faults.clear();
  return empty();
}

/** @throws {GitHubError} 422 naming what is wrong */
function readFault(input: Input, known: ReadonlySet<string>): Fault {
  const target = input.string("route");
  const times = input.optionalInteger("times") ?? 1;
  const kind = input.optionalChoice("kind", KINDS);
  if (target !== WEBHOOK_ROUTE && !known.has(target)) {
    throw new GitHubError(
      422,
      `There is no route "${target}". Routes are written as in the README, for example "POST /repos/{owner}/{repo}/pulls".`,
    );
  }
  if (times < 1) throw new GitHubError(422, "times must be at least 1.");
  if (kind === null) throw new GitHubError(422, `kind must be one of ${KINDS.join(", ")}.`);
  const forWebhook = kind === "drop-delivery" || kind === "repeat-delivery";
  if (kind !== "delay" && forWebhook !== (target === WEBHOOK_ROUTE))
    throw new GitHubError(422, `${kind} does not apply to ${target}.`);
  switch (kind) {
    case "drop-reply":
    case "drop-delivery":
    case "repeat-delivery":
      return { route: target, times, kind };
    case "delay":
      return {
        route: target,
        times,
        kind,
        delayMs: Math.min(MAX_DELAY_MS, Math.max(0, input.optionalInteger("delayMs") ?? 1_000)),
      };
    case "status":
      return {
        route: target,
        times,
        kind,
        status: statusOf(input),
        message: input.optionalString("message") ?? "Server Error",
        retryAfterSeconds: input.optionalInteger("retryAfterSeconds"),
        performed: input.optionalBoolean("performed") ?? false,
      };
    default:
      return kind satisfies never;
  }
}

function statusOf(input: Input): number {
  const status = input.optionalInteger("status") ?? 500;
  if (status < 400 || status > 599) throw new GitHubError(422, "status must be between 400 and 599.");
  return status;
}
