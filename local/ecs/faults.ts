// Faults on request: what goes wrong in AWS once a month goes wrong here on the next call. In memory: a restart forgets them.

import type { LastStatus } from "./domain/task.ts";
import { invalidParameter } from "./errors.ts";

/** What an operation of the API may be made to do. `dropReply` does the work and loses the answer; the others do not do the work. */
export type ApiFault = "dropReply" | "throttle" | "serverError" | "capacity";
export type EventFault =
  | { readonly kind: "drop" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "delay"; readonly delayMs: number };

export type Fault =
  | { readonly target: "api"; readonly operation: string; readonly kind: ApiFault; readonly times: number }
  | { readonly target: "event"; readonly lastStatus: LastStatus | null; readonly fault: EventFault; readonly times: number }
  | { readonly target: "start"; readonly reason: string; readonly times: number };

/** More than this many waiting faults are a mistake of whoever asks for them. */
const MAX_WAITING = 1_000;

export class Faults {
  private waiting: { fault: Fault; left: number }[] = [];

  /** @throws {AwsError} when too many wait already */
  add(fault: Fault): void {
    if (this.waiting.length >= MAX_WAITING)
      throw invalidParameter(`${MAX_WAITING} faults are waiting already: clear them with DELETE /__faults`);
    this.waiting.push({ fault, left: fault.times });
  }

  clear(): void {
    this.waiting = [];
  }

  /** What is still to come, oldest first. */
  list(): { fault: Fault; left: number }[] {
    return this.waiting.map((entry) => ({ ...entry }));
  }

  /** The next of these faults asked for an operation. */
  takeApi(operation: string, kinds: readonly ApiFault[]): ApiFault | null {
    const fault = this.take((one) => one.target === "api" && one.operation === operation && kinds.includes(one.kind));
    return fault?.target === "api" ? fault.kind : null;
  }

  takeEvent(lastStatus: LastStatus): EventFault | null {
    const fault = this.take((one) => one.target === "event" && (one.lastStatus === null || one.lastStatus === lastStatus));
    return fault?.target === "event" ? fault.fault : null;
  }

  /** The reason the next task is to fail to start with; null when it is not to fail. */
  takeStart(): string | null {
    const fault = this.take((one) => one.target === "start");
    return fault?.target === "start" ? fault.reason : null;
  }

  private take(matches: (fault: Fault) => boolean): Fault | null {
    const entry = this.waiting.find(({ fault }) => matches(fault));
    if (!entry) return null;
    entry.left -= 1;
    if (entry.left === 0) this.waiting = this.waiting.filter((one) => one !== entry);
    return entry.fault;
  }
}
