// Answers of the HTTP API: JSON bodies, Convex's error shape, and the headers browsers need to call it from anywhere.
import { AuthRefused } from "../auth/verifier.ts";
import { asWriteRefused, Conflict, WriteRefused } from "../engine/index.ts";
import { Overloaded } from "../loop/overloaded.ts";

/** The API is called with bearer tokens, never cookies, so any origin may read it. */
export const CORS: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
};
const JSON_HEADERS = { ...CORS, "content-type": "application/json" };

/** A request the server refuses, with the status and the `{code, message}` body it deserves. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, "BadRequest", message);

/** @param text a complete JSON text */
export const jsonText = (text: string, status = 200): Response => new Response(text, { status, headers: JSON_HEADERS });

export const json = (value: unknown, status = 200): Response => jsonText(JSON.stringify(value), status);

export function preflight(request: Request): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...CORS,
      "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? "*",
      "access-control-max-age": "86400",
    },
  });
}

/** The answer for whatever a handler threw. Unknown errors say nothing about their cause; `onBug` gets it for the log. */
export function errorReply(error: unknown, onBug: (error: unknown) => void): Response {
  if (error instanceof HttpError) return json({ code: error.code, message: error.message }, error.status);
  if (error instanceof AuthRefused) return json({ code: error.code, message: error.message }, 401);
  if (error instanceof Overloaded) return json({ code: error.code, message: error.message }, 503);
  if (error instanceof Conflict) return json({ code: error.code, message: error.message }, 503);
  const refused = asWriteRefused(error);
  if (refused instanceof WriteRefused) return json({ code: refused.code, message: refused.message }, 503);
  onBug(error);
  return json({ code: "InternalServerError", message: "Your request couldn't be completed. Try again later." }, 500);
}
