// Faults a test asks for: what GitHub and the network do on a bad day. Kept in memory; a restart heals everything.
//   F1. `drop-reply` does the work and then closes the connection: the caller cannot know whether it was done.
//   F2. `status` answers without doing the work, unless `performed` says that the work is done first.
//   F3. A fault acts `times` times and is gone.
import { GitHubError } from "../errors.ts";

/** The name under which webhook deliveries are faulted; every other name is a route's. */
export const WEBHOOK_ROUTE = "webhook";

interface FaultTarget {
  /** A route as the coverage table writes it, such as `POST /repos/{owner}/{repo}/pulls`, or `webhook`. */
  readonly route: string;
  readonly times: number;
}

export type Fault = FaultTarget &
  (
    | { readonly kind: "drop-reply" }
    | { readonly kind: "delay"; readonly delayMs: number }
    | {
        readonly kind: "status";
        readonly status: number;
        readonly message: string;
        readonly retryAfterSeconds: number | null;
        readonly performed: boolean;
      }
    | { readonly kind: "drop-delivery" }
    | { readonly kind: "repeat-delivery" }
  );

const MAX_FAULTS = 1_000;

export class Faults {
  #active: Fault[] = [];

  /** @throws {GitHubError} 422 when too many are waiting already */
  add(fault: Fault): void {
    if (this.#active.length >= MAX_FAULTS)
      throw new GitHubError(422, `${MAX_FAULTS} faults are waiting already; DELETE /__faults clears them.`);
    this.#active.push(fault);
  }

  /** The next fault for this route, used up by one. */
  take(route: string): Fault | null {
    const index = this.#active.findIndex((fault) => fault.route === route);
    const fault = this.#active[index];
    if (fault === undefined) return null;
    if (fault.times > 1) this.#active[index] = { ...fault, times: fault.times - 1 };
    else this.#active.splice(index, 1);
    return fault;
  }

  list = (): readonly Fault[] => this.#active;

  clear(): void {
    this.#active = [];
  }
}

/** What a `status` fault answers: a 403 with `retryAfterSeconds` is GitHub's secondary rate limit. */
export const faultError = (fault: Extract<Fault, { kind: "status" }>) =>
  new GitHubError(fault.status, fault.message, {
    headers: fault.retryAfterSeconds === null ? {} : { "retry-after": String(fault.retryAfterSeconds) },
  });
