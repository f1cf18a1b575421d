// Refusals of a deployment that has too much to do. Clients know these codes and back off.

export class Overloaded extends Error {
  override readonly name = "Overloaded";
  constructor(
    /** One of the codes stock clients classify, for example `CommitterFullError`. */
    readonly code: "CommitterFullError" | "TooManyConcurrentRequests" | "ExpiredInQueue" | "InternalServerError",
    message: string,
  ) {
    super(message);
  }
}
