// What every operation may use.

import type { TokenBucket } from "../domain/token-bucket.ts";
import type { Faults } from "../faults.ts";
import type { Store } from "../store/store.ts";
import type { Changes } from "../tasks/changes.ts";
import type { Lifecycle } from "../tasks/lifecycle.ts";
import type { Fields } from "./fields.ts";

export interface World {
  readonly store: Store;
  readonly lifecycle: Lifecycle;
  readonly changes: Changes;
  readonly faults: Faults;
  /** The account's limit on launches. */
  readonly launches: TokenBucket;
  /** The account's vCPU quota, in CPU units (1024 a vCPU). */
  readonly cpuQuotaUnits: number;
  /** Epoch ms. */
  readonly now: () => number;
}

/** One operation: a request's members in, the answer's members out. Throws AwsError for an answer that is no success. */
export type Operation = (world: World, request: Fields) => Readonly<Record<string, unknown>>;
