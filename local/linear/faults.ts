// Faults a test orders ahead: the next matching requests or deliveries go wrong, each a counted number of times.
// Kept in memory only: a restart forgets them.
import type { DeliveryFault } from "./webhooks/delivery-queue.ts";

/** What can go wrong with a GraphQL request. Only `drop-reply` happens after the work was done. */
export type RequestFault =
  | { readonly kind: "drop-reply" }
  | { readonly kind: "delay"; readonly delayMs: number }
  | { readonly kind: "ratelimited" }
  | { readonly kind: "error"; readonly status: number };

type Fault = (
  | { readonly on: "request"; readonly fault: RequestFault }
  | { readonly on: "delivery"; readonly fault: DeliveryFault }
) & {
  /** A root field (`commentCreate`) or a webhook's event (`Issue`); absent: any. */
  readonly match: string | undefined;
  remaining: number;
};

/** The body of an order is not understood. The message says what is expected. */
export class BadFaultError extends Error {
  readonly code = "BAD_FAULT";
  override readonly name = "BadFaultError";
}

const MAX_ORDERS = 1_000;

export class Faults {
  private orders: Fault[] = [];

  /** Adds an order from its JSON body. @throws {BadFaultError} */
  order(body: unknown): void {
    if (this.orders.length >= MAX_ORDERS)
      throw new BadFaultError(`There are ${MAX_ORDERS} faults ordered already. DELETE /__faults first.`);
    this.orders.push(parseFault(body));
  }

  clear(): void {
    this.orders = [];
  }

  /** What is still ordered, for a person. */
  list(): readonly object[] {
    return this.orders.map(({ fault, match, remaining }) => ({ ...fault, match, remaining }));
  }

  /** The fault for a request with these root fields, if one is ordered; uses it up by one. */
  forRequest(rootFields: readonly string[]): RequestFault | undefined {
    const found = this.take((order) => order.on === "request" && (order.match === undefined || rootFields.includes(order.match)));
    return found?.on === "request" ? found.fault : undefined;
  }

  /** The fault for a delivery of this event, if one is ordered; uses it up by one. */
  forDelivery(event: string): DeliveryFault | undefined {
    const found = this.take((order) => order.on === "delivery" && (order.match === undefined || order.match === event));
    return found?.on === "delivery" ? found.fault : undefined;
  }

  private take(isWanted: (order: Fault) => boolean): Fault | undefined {
    const order = this.orders.find(isWanted);
    if (order) {
      order.remaining -= 1;
      if (order.remaining === 0) this.orders = this.orders.filter((other) => other !== order);
    }
    return order;
  }
}

const KINDS = "drop-reply, delay, ratelimited, error, webhook-duplicate, webhook-reorder, webhook-drop";

function parseFault(body: unknown): Fault {
  if (typeof body !== "object" || body === null) throw new BadFaultError("Send a JSON object with a `kind`.");
  const field = (name: string): unknown => Reflect.get(body, name);
  const number = (name: string, standard: number, least: number, most: number): number => {
    const value = field(name) ?? standard;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new BadFaultError(`\`${name}\` must be a whole number from ${least} to ${most}.`);
  };
  const match = field("match");
  if (match !== undefined && typeof match !== "string")
    throw new BadFaultError("`match` must be the name of a root field or of a webhook's event.");
  const shared = { match, remaining: number("times", 1, 1, 1_000_000) };
  const delayMs = () => number("ms", 1_000, 0, 600_000);
  switch (field("kind")) {
    case "drop-reply":
      return { on: "request", fault: { kind: "drop-reply" }, ...shared };
    case "delay":
      return { on: "request", fault: { kind: "delay", delayMs: delayMs() }, ...shared };
    case "ratelimited":
      return { on: "request", fault: { kind: "ratelimited" }, ...shared };
    case "error":
      return { on: "request", fault: { kind: "error", status: number("status", 500, 500, 599) }, ...shared };
    case "webhook-duplicate":
      return { on: "delivery", fault: { kind: "duplicate" }, ...shared };
    case "webhook-reorder": // held back so that later ones overtake it
      return { on: "delivery", fault: { kind: "delay", delayMs: delayMs() }, ...shared };
    case "webhook-drop":
      return { on: "delivery", fault: { kind: "drop" }, ...shared };
    default:
      throw new BadFaultError(`\`kind\` must be one of ${KINDS}.`);
  }
}
