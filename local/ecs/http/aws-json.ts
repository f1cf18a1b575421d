// AWS JSON 1.1 over HTTP: the operation is a header, the request and the answer are JSON, an error says its kind in `__type`.
import { Fields } from "../api/fields.ts";
import { OPERATIONS } from "../api/operations.ts";
import type { World } from "../api/world.ts";
import { AwsError, malformed, serverError, throttled } from "../errors.ts";
import type { Log } from "../log.ts";

const CONTENT_TYPE = "application/x-amz-json-1.1";

/** Answers one call of the API. Never throws. */
export async function answerAws(world: World, request: Request, log: Log): Promise<Response> {
  const requestId = crypto.randomUUID();
  const target = request.headers.get("x-amz-target") ?? "";
  try {
    const operation = OPERATIONS.get(target);
    if (!operation)
      throw new AwsError("UnknownOperationException", `The operation ${target.slice(0, 200) || "(none)"} is not known.`);
    const fields = Fields.of(await readJson(request));
    const name = target.slice(target.indexOf(".") + 1);
    failOnRequest(world, name);
    const answer = operation(world, fields);
    // The work is done and stored; the caller never hears of it, as when a connection breaks on the way back.
    if (world.faults.takeApi(name, ["dropReply"]) !== null) return new Response(null, { status: 502 });
    return reply(200, answer, requestId);
  } catch (error) {
    const known = error instanceof AwsError ? error : serverError("An internal error occurred.");
    if (known !== error)
      log("request.failed", {
        target,
        requestId,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    return reply(known.status, { __type: known.code, message: known.message, ...known.extra }, requestId);
  }
}

function failOnRequest({ faults }: World, name: string): void {
  const fault = faults.takeApi(name, ["throttle", "serverError"]);
  if (fault === "throttle") throw throttled();
  if (fault === "serverError") throw serverError("Service Unavailable. Please try again later.");
}

async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    throw malformed("The request is no JSON.");
  }
}

const reply = (status: number, body: unknown, requestId: string): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": CONTENT_TYPE, "x-amzn-requestid": requestId } });
