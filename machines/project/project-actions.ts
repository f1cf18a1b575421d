// What a project's named actions come to: pure plans, no state names. The machine says when, this file says what.

import { actions } from "../asks.ts";
import type { ProjectEffect } from "../effects.ts";
import type { FeatureEvent, FeatureInput } from "../feature/feature-events.ts";
import { cutTicket } from "../feature/ticket.ts";
import { type FeatureAddress, featureAddress } from "../ids.ts";
import type { PipelineSettings, Role } from "../roles.ts";
import { cut } from "../text.ts";
import {
  admit,
  type Grant,
  grantWaiting,
  permitsLeft,
  placesOf,
  roomIn,
  waitingIn,
  want,
  without,
  withoutPermit,
} from "./places.ts";
import type { ProjectContext } from "./project-context.ts";
import type { HoldScope, ProjectEvent } from "./project-events.ts";

const { act, when } = actions<ProjectContext, ProjectEvent, ProjectEffect, FeatureEvent, FeatureInput>();

const PROJECT = "the project";

const tell = (to: FeatureAddress, event: FeatureEvent) => ({ type: "send", params: { to, event } }) as const;
const refuse = (feature: FeatureAddress, role: Role, at: number) => tell(feature, { type: "permit.refused", at, role });
const announce = (grants: readonly Grant[], settings: PipelineSettings, at: number) =>
  grants.map(({ feature, role, admits }) => tell(feature, { type: "permit.granted", at, role, settings, admits }));

const scopeOf = ({ scope }: { readonly scope?: HoldScope }): HoldScope => scope ?? "project";

export const projectActions = {
  /** Safe to repeat: a feature that exists is not made again, and hears of its ticket instead. */
  addFeature: when("ticket.appeared", ({ address, settings }, { at, featureId, ticket }) => {
    const feature = featureAddress(address, featureId);
    const facts = cutTicket(ticket);
    return {
      ask: [
        { type: "spawn", params: { address: feature, input: { address: feature, ticket: facts, settings } } },
        tell(feature, { type: "ticket.changed", at, ticket: facts }),
      ],
    };
  }),

  wakeUp: act(() => ({ set: { again: true } })),

  askWhoIsReady: act(({ places, limits }) => ({
    set: { again: false, asked: true },
    ask: [
      {
        type: "effect",
        params: {
          kind: "findReady",
          limit: roomIn(places, limits),
          excluding: placesOf(places).map(([feature]) => feature),
          permits: permitsLeft(places, limits),
        },
      },
    ],
  })),

  admitReady: when("ready.found", ({ places, limits, settings }, { at, candidates, outOf }) => {
    const admitted = admit(places, limits, candidates);
    return { set: { asked: false, outOf: outOf ?? null, places: admitted.places }, ask: announce(admitted.grants, settings, at) };
  }),

  /** An answer nobody can use now: ask again when it can be. */
  dropAnswer: act(() => ({ set: { asked: false, again: true } })),

  wantPermit: when("permit.requested", ({ places }, { feature, role }) => ({ set: { places: want(places, feature, role) } })),

  refusePermit: when("permit.requested", ({ places }, { at, feature, role }) => ({
    set: { places: without(places, feature), again: true },
    ask: [refuse(feature, role, at)],
  })),

  freePermit: when("permit.returned", ({ places }, { feature }) => ({
    set: { places: withoutPermit(places, feature), again: true },
  })),

  freePlace: when("place.released", ({ places }, { feature }) => ({ set: { places: without(places, feature), again: true } })),

  /** After whatever may have freed a permit (R3). */
  grantWaiting: act(({ places, limits, settings }, event) => {
    const granted = grantWaiting(places, limits);
    return { set: { places: granted.places }, ask: announce(granted.grants, settings, event.at) };
  }),

  noteLimits: when("limits.changed", (_, { limits }) => ({ set: { limits, again: true } })),

  noteSettings: when("settings.changed", (_, { settings }) => ({ set: { settings } })),

  noteHold: act(({ holds }, event) =>
    event.type === "pause" || event.type === "stop"
      ? {
          set: {
            holds: {
              ...holds,
              [scopeOf(event)]: { by: cut(event.by), reason: event.reason === undefined ? null : cut(event.reason) },
            },
          },
        }
      : {},
  ),

  liftHold: when("resume", ({ holds }, event) => ({ set: { holds: { ...holds, [scopeOf(event)]: null } } })),

  /** Draining: whoever has no agent at work gives up its place, or the last place would never be free. */
  refuseWaiting: act(({ places }, event) => {
    const waiting = waitingIn(places);
    return {
      set: { places: waiting.reduce((now, { feature }) => without(now, feature), places), again: true },
      ask: waiting.map(({ feature, role }) => refuse(feature, role, event.at)),
    };
  }),

  /** Whoever was held before stays held: both are resumed with the project. */
  pauseFeatures: act(({ places, held }, event) => {
    if (event.type !== "pause" && event.type !== "stop") return {};
    const now = placesOf(places).map(([feature]) => feature);
    const reason = cut(event.reason ?? "The project is paused");
    const pause = { type: "pause", at: event.at, by: PROJECT, mode: "now", reason } as const;
    return { set: { held: [...new Set([...held, ...now])] }, ask: now.map((feature) => tell(feature, pause)) };
  }),

  resumeFeatures: when("resume", ({ held }, { at }) => ({
    set: { held: [], again: true },
    ask: held.map((feature) => tell(feature, { type: "resume", at, by: PROJECT })),
  })),
};
