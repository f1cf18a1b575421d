// Where a request came from, as functions may read it through `ctx.meta.getRequestMetadata()`.
import { newRequestId } from "./failure.ts";

export interface RequestOrigin {
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
  /** Set for a scheduled function and for everything it calls. */
  readonly scheduledFunctionId: string | null;
}

/** The origin of work nobody on the network asked for: crons, scheduled functions. */
export const internalOrigin = (scheduledFunctionId: string | null): RequestOrigin => ({
  ip: null,
  userAgent: null,
  requestId: newRequestId(),
  scheduledFunctionId,
});
