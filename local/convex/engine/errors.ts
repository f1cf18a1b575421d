// Every error the engine throws on purpose. The texts of FunctionError reach the developer's code and its clients, so they
// follow Convex's own wording where the convex and convex-test packages show it; the rest are one clear sentence.

/** Switch on `code`; `isUserError` says whose fault it is: the function's (show the text) or the system's. */
export abstract class EngineError extends Error {
  abstract readonly code: string;
  abstract readonly isUserError: boolean;
  override readonly name: string = "Error"; // what a function sees is a plain Error, as on Convex
}

/** The function, its arguments or its query are wrong. Running it again gives the same answer. */
export class FunctionError extends EngineError {
  readonly isUserError = true;
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Something the transaction read was written since it began. Nothing was applied: run the function again. */
export class Conflict extends EngineError {
  readonly code = "OptimisticConcurrencyControlFailure";
  readonly isUserError = false;
  constructor() {
    super("Documents read by this function changed while it was running. Run it again.");
  }
}

/** A pagination cursor of another query, another deployment, or none of ours. Surfaces as a ConvexError carrying `data`. */
export class InvalidCursor extends EngineError {
  readonly code = "InvalidCursor";
  readonly isUserError = true;
  readonly data = { isConvexSystemError: true, paginationError: "InvalidCursor" } as const;
  constructor(why: string) {
    super(`InvalidCursor: Tried to run a query starting from a cursor, but ${why}.`);
  }
}

/** A schema that existing documents break. Nothing was changed: the old schema keeps serving. */
export class SchemaViolation extends EngineError {
  readonly code = "SchemaViolation";
  readonly isUserError = true;
  constructor(
    readonly table: string,
    readonly documentId: string,
    readonly reason: string,
    /** "" is the app itself. */
    readonly component = "",
  ) {
    const place = component === "" ? `table "${table}"` : `table "${table}" of component "${component}"`;
    super(`Schema validation failed.\nDocument with ID "${documentId}" in ${place} does not match the schema: ${reason}`);
  }
}

/** A schema or validator this engine cannot take at all: malformed, over a limit, or of a kind not supported. */
export class SchemaRefused extends EngineError {
  readonly code = "SchemaRefused";
  readonly isUserError = true;
}

export type StoreTrouble = "NotOurFile" | "Damaged" | "NewerFormat" | "InUse" | "CannotOpen" | "StateLost";

/** The database file cannot be served. `code` says why; the message says what to do. */
export class StoreUnusable extends EngineError {
  readonly isUserError = false;
  constructor(
    readonly code: StoreTrouble,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
