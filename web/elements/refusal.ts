// Reading what Convex answers when it refuses: a code to switch on and a sentence for a person.

import { ConvexError } from "convex/values";

export interface Refused {
  /** Of `convex/errors.ts`; "unknown" for anything that was not refused on purpose. */
  readonly code: string;
  readonly message: string;
  /** Convex's id of the failed request, when there is one. */
  readonly requestId: string | null;
}

/** Total: anything thrown comes out as something a person can read. */
export function refusalOf(error: unknown): Refused {
  if (error instanceof ConvexError) {
    const data: unknown = error.data;
    if (typeof data === "object" && data !== null) {
      const code = "code" in data && typeof data.code === "string" ? data.code : "unknown";
      if ("message" in data && typeof data.message === "string") return { code, message: data.message, requestId: null };
    }
  }
  const text = error instanceof Error ? error.message : String(error);
  const requestId = /\[Request ID: (\w+)\]/.exec(text)?.[1] ?? null;
  return {
    code: "unknown",
    message: "This did not work, and the reason is not one that was foreseen. Try again; if it stays, quote the id.",
    requestId,
  };
}
