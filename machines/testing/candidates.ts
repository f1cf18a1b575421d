// Who a stand-in names when a project asks who is ready, of features in their order. The real answer is convex/ready.ts.

import type { FindReady } from "../effects.ts";
import type { FeatureAddress } from "../ids.ts";
import type { Role } from "../roles.ts";

export interface Candidate {
  readonly feature: FeatureAddress;
  readonly role: Role;
}

/** @param features with the role each waits for; null: for none */
export function candidatesOf(
  { limit, excluding, permits }: FindReady,
  features: readonly { readonly feature: FeatureAddress; readonly role: Role | null }[],
): Candidate[] {
  const left: Partial<Record<Role, number>> = { ...permits };
  const named: Candidate[] = [];
  for (const { feature, role } of features) {
    if (named.length >= limit) break;
    if (role === null || excluding.includes(feature)) continue;
    const free = left[role] ?? Number.POSITIVE_INFINITY;
    if (free <= 0) continue;
    left[role] = free - 1;
    named.push({ feature, role });
  }
  return named;
}
