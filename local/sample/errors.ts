// Why the sample could not be put in place.

/** What the sample needs is missing or already in use; `message` says what to do. */
export class SampleError extends Error {
  override readonly name = "SampleError";
  constructor(
    readonly code: "NO_INSTALLATION" | "NO_TEAM" | "NO_STATE" | "KEYS_TAKEN" | "GIT_FAILED",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
