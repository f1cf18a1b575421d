// What only a local server has: the journal for checkers, and faults on request. Asked for with the header `x-omakase-local: 1`, which a
// web page cannot send here without being let in by CORS.
import { Fields } from "../api/fields.ts";
import type { World } from "../api/world.ts";
import { lastPart } from "../domain/arn.ts";
import type { LastStatus } from "../domain/task.ts";
import { AwsError, invalidParameter, malformed } from "../errors.ts";
import type { EventFault, Fault } from "../faults.ts";

const STATUSES: readonly LastStatus[] = [
  "PROVISIONING",
  "PENDING",
  "RUNNING",
  "DEACTIVATING",
  "STOPPING",
  "DEPROVISIONING",
  "STOPPED",
];
const SPOT_NOTICE_MS = 120_000;

/** Answers `GET /__journal?after=<seq>`, `GET|POST|DELETE /__faults`. Never throws. */
export async function answerControl(world: World, request: Request, url: URL): Promise<Response> {
  if (request.headers.get("x-omakase-local") !== "1") {
    return Response.json({ code: "header_missing", message: "Send the header `x-omakase-local: 1`." }, { status: 403 });
  }
  try {
    if (url.pathname === "/__journal" && request.method === "GET") {
      const after = Number(url.searchParams.get("after") ?? 0);
      if (!Number.isSafeInteger(after) || after < 0) throw invalidParameter("after must be the number of an entry.");
      return new Response(world.store.journal.after(after), { headers: { "content-type": "application/json" } });
    }
    if (url.pathname === "/__faults") return await answerFaults(world, request);
    return Response.json({ code: "not_found", message: "There are /__journal and /__faults." }, { status: 404 });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return Response.json({ code: error.code, message: error.message }, { status: error.status });
  }
}

async function answerFaults(world: World, request: Request): Promise<Response> {
  if (request.method === "GET") return Response.json({ faults: world.faults.list() });
  if (request.method === "DELETE") {
    world.faults.clear();
    return Response.json({});
  }
  if (request.method !== "POST")
    return Response.json({ code: "method_not_allowed", message: "Use GET, POST or DELETE." }, { status: 405 });
  const body = Fields.of(
    await request.json().catch(() => {
      throw malformed("The request is no JSON.");
    }),
  );
  if (body.text("target") === "spot") interruptSpot(world, body);
  else world.faults.add(readFault(body));
  return Response.json({});
}

/** Takes a task's machine away now: SIGTERM, and SIGKILL after Spot's notice or the given one. */
function interruptSpot(world: World, body: Fields): void {
  const graceMs = body.integerWithin("graceMs", 0, SPOT_NOTICE_MS, SPOT_NOTICE_MS);
  const known = world.lifecycle.stop(lastPart(body.requiredText("task")), {
    stopCode: "SpotInterruption",
    reason: "Your Spot Task was interrupted.",
    graceMs,
  });
  if (known === null) throw invalidParameter("The referenced task was not found.");
}

function readFault(body: Fields): Fault {
  const times = body.integerWithin("times", 1, 10_000, 1);
  const target = body.oneOf("target", ["api", "event", "start"]);
  switch (target) {
    case "api": {
      const kind = body.oneOf("kind", ["dropReply", "throttle", "serverError", "capacity"]);
      if (!kind) throw invalidParameter("kind cannot be empty.");
      return { target, operation: body.text("operation") ?? "RunTask", kind, times };
    }
    case "event":
      return { target, lastStatus: body.oneOf("lastStatus", STATUSES) ?? null, fault: readEventFault(body), times };
    case "start":
      return {
        target,
        reason:
          body.text("reason") ??
          "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
        times,
      };
    case undefined:
      throw invalidParameter("target must be one of api, event, start, spot.");
    default:
      return target satisfies never;
  }
}

function readEventFault(body: Fields): EventFault {
  const kind = body.oneOf("kind", ["drop", "duplicate", "delay"]);
  if (!kind) throw invalidParameter("kind cannot be empty.");
  return kind === "delay" ? { kind, delayMs: body.integerWithin("delayMs", 1, 24 * 3600 * 1000, 1_000) } : { kind };
}
