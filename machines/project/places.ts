// Who may work: a project's places and the permits of each role. Arithmetic only; the machine says when, and to whom what is sent.
//
//   L1. A place is given only while there are fewer than `limits.features`.
//   L2. A role's permit is given only while fewer than `limits.perRole` of it are granted.
//   L3. Whoever waits for a permit is served before anybody new, in the order in which the places were given.

import type { Permits } from "../effects.ts";
import type { FeatureAddress } from "../ids.ts";
import { ROLES, type Role } from "../roles.ts";
import type { ProjectLimits } from "./project-events.ts";

export interface Place {
  /** Null: it keeps its place without an agent (it is publishing). */
  readonly role: Role | null;
  /** False while it waits for a permit of that role. */
  readonly granted: boolean;
}

/** In the order in which they were given: JSON keeps the order of keys that are no numbers, and an address has slashes. */
export type Places = Readonly<Record<FeatureAddress, Place>>;

export interface Grant {
  readonly feature: FeatureAddress;
  readonly role: Role;
  /** Whether a place comes with the permit. */
  readonly admits: boolean;
}

export interface Granted {
  readonly places: Places;
  readonly grants: readonly Grant[];
}

export const placesOf = (places: Places) => Object.entries(places) as [FeatureAddress, Place][];

/** How many features may still be given a place: never negative, and none for a limit that is no number. */
export function roomIn(places: Places, { features }: ProjectLimits): number {
  const limit = Number.isFinite(features) ? Math.floor(features) : 0;
  return Math.max(0, limit - Object.keys(places).length);
}

/** L2. */
export function hasPermit(places: Places, limits: ProjectLimits, role: Role): boolean {
  const limit = limits.perRole[role];
  return limit === undefined || grantedOf(places, role) < limit;
}

const grantedOf = (places: Places, role: Role): number =>
  placesOf(places).filter(([, place]) => place.granted && place.role === role).length;

/** How many permits each limited role has left (L2): whole, never negative. */
export function permitsLeft(places: Places, { perRole }: ProjectLimits): Permits {
  const left: Partial<Record<Role, number>> = {};
  for (const role of ROLES) {
    const limit = perRole[role];
    if (limit === undefined || limit === Number.POSITIVE_INFINITY) continue;
    left[role] = limit > 0 ? Math.max(0, Math.ceil(limit) - grantedOf(places, role)) : 0;
  }
  return left;
}

const put = (places: Places, feature: FeatureAddress, place: Place): Places => ({ ...places, [feature]: place });

/** Gives each waiting feature its permit if its role has one by now (L2, L3). */
export function grantWaiting(places: Places, limits: ProjectLimits): Granted {
  let now = places;
  const grants: Grant[] = [];
  for (const [feature, { role, granted }] of placesOf(places)) {
    if (role === null || granted || !hasPermit(now, limits, role)) continue;
    now = put(now, feature, { role, granted: true });
    grants.push({ feature, role, admits: false });
  }
  return { places: now, grants };
}

/** Gives new features a place with its permit, best first, as far as both limits go (L1, L2). One that holds a place is passed over. */
export function admit(
  places: Places,
  limits: ProjectLimits,
  candidates: readonly { readonly feature: FeatureAddress; readonly role: Role }[],
): Granted {
  let now = places;
  const grants: Grant[] = [];
  for (const { feature, role } of candidates) {
    if (roomIn(now, limits) === 0) break;
    if (Object.hasOwn(now, feature) || !hasPermit(now, limits, role)) continue;
    now = put(now, feature, { role, granted: true });
    grants.push({ feature, role, admits: true });
  }
  return { places: now, grants };
}

/** The holder of a place wants an agent of a role; what it held before is returned by asking. */
export const want = (places: Places, feature: FeatureAddress, role: Role): Places =>
  put(places, feature, { role, granted: false });

/** The place stays, its permit is free. */
export const withoutPermit = (places: Places, feature: FeatureAddress): Places =>
  Object.hasOwn(places, feature) ? put(places, feature, { role: null, granted: false }) : places;

/** The place is free. Safe to repeat. */
export const without = (places: Places, feature: FeatureAddress): Places =>
  Object.fromEntries(placesOf(places).filter(([other]) => other !== feature)) as Places;

/** The features that hold a place and wait for a permit. */
export const waitingIn = (places: Places) =>
  placesOf(places).flatMap(([feature, { role, granted }]) => (role !== null && !granted ? [{ feature, role }] : []));
