// The Messages API's error answers, worded as Anthropic words them.

const TYPE_OF_STATUS = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
} as const;

export type ErrorStatus = keyof typeof TYPE_OF_STATUS;

/** An answer that is not a message. Thrown by the routes, turned into a response at the edge. */
export class ApiError extends Error {
  readonly code: (typeof TYPE_OF_STATUS)[ErrorStatus];
  override readonly name = "ApiError";

  constructor(
    readonly status: ErrorStatus,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.code = TYPE_OF_STATUS[status];
  }

  /** The wire form: `{"type":"error","error":{"type","message"},"request_id"}`. */
  toResponse(requestId: string): Response {
    return Response.json(
      { type: "error", error: { type: this.code, message: this.message }, request_id: requestId },
      { status: this.status, headers: { ...this.headers, "request-id": requestId } },
    );
  }
}
