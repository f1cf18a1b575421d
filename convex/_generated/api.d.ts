/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type * as access from "../access.js";
import type * as activity from "../activity.js";
import type * as actors from "../actors.js";
import type * as agents from "../agents.js";
import type * as announcements from "../announcements.js";
import type * as audit from "../audit.js";
import type * as births from "../births.js";
import type * as blockers from "../blockers.js";
import type * as budgets from "../budgets.js";
import type * as cards from "../cards.js";
import type * as commandEvents from "../commandEvents.js";
import type * as commands from "../commands.js";
import type * as commit from "../commit.js";
import type * as crons from "../crons.js";
import type * as cycles from "../cycles.js";
import type * as deliveries from "../deliveries.js";
import type * as dependencies from "../dependencies.js";
import type * as ecs from "../ecs.js";
import type * as errors from "../errors.js";
import type * as features from "../features.js";
import type * as fence from "../fence.js";
import type * as github from "../github.js";
import type * as host from "../host.js";
import type * as launches from "../launches.js";
import type * as linear from "../linear.js";
import type * as mail from "../mail.js";
import type * as mailbox from "../mailbox.js";
import type * as money from "../money.js";
import type * as moves from "../moves.js";
import type * as organizations from "../organizations.js";
import type * as ownershipFault from "../ownershipFault.js";
import type * as pages from "../pages.js";
import type * as parking from "../parking.js";
import type * as poison from "../poison.js";
import type * as projects from "../projects.js";
import type * as pulls from "../pulls.js";
import type * as quarantine from "../quarantine.js";
import type * as questions from "../questions.js";
import type * as ranks from "../ranks.js";
import type * as ready from "../ready.js";
import type * as reconcile from "../reconcile.js";
import type * as recovery from "../recovery.js";
import type * as repairs from "../repairs.js";
import type * as reservations from "../reservations.js";
import type * as results from "../results.js";
import type * as retention from "../retention.js";
import type * as runLife from "../runLife.js";
import type * as runs from "../runs.js";
import type * as seed from "../seed.js";
import type * as settings from "../settings.js";
import type * as settingsFault from "../settingsFault.js";
import type * as settling from "../settling.js";
import type * as shardOf from "../shardOf.js";
import type * as shards from "../shards.js";
import type * as shares from "../shares.js";
import type * as stepFault from "../stepFault.js";
import type * as steps from "../steps.js";
import type * as tickets from "../tickets.js";
import type * as timers from "../timers.js";
import type * as transitions from "../transitions.js";
import type * as users from "../users.js";
import type * as validators from "../validators.js";
import type * as viewWrites from "../viewWrites.js";
import type * as why from "../why.js";
import type * as whyRules from "../whyRules.js";

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";

declare const fullApi: ApiFromModules<{
  access: typeof access;
  activity: typeof activity;
  actors: typeof actors;
  agents: typeof agents;
  announcements: typeof announcements;
  audit: typeof audit;
  births: typeof births;
  blockers: typeof blockers;
  budgets: typeof budgets;
  cards: typeof cards;
  commandEvents: typeof commandEvents;
  commands: typeof commands;
  commit: typeof commit;
  crons: typeof crons;
  cycles: typeof cycles;
  deliveries: typeof deliveries;
  dependencies: typeof dependencies;
  ecs: typeof ecs;
  errors: typeof errors;
  features: typeof features;
  fence: typeof fence;
  github: typeof github;
  host: typeof host;
  launches: typeof launches;
  linear: typeof linear;
  mail: typeof mail;
  mailbox: typeof mailbox;
  money: typeof money;
  moves: typeof moves;
  organizations: typeof organizations;
  ownershipFault: typeof ownershipFault;
  pages: typeof pages;
  parking: typeof parking;
  poison: typeof poison;
  projects: typeof projects;
  pulls: typeof pulls;
  quarantine: typeof quarantine;
  questions: typeof questions;
  ranks: typeof ranks;
  ready: typeof ready;
  reconcile: typeof reconcile;
  recovery: typeof recovery;
  repairs: typeof repairs;
  reservations: typeof reservations;
  results: typeof results;
  retention: typeof retention;
  runLife: typeof runLife;
  runs: typeof runs;
  seed: typeof seed;
  settings: typeof settings;
  settingsFault: typeof settingsFault;
  settling: typeof settling;
  shardOf: typeof shardOf;
  shards: typeof shards;
  shares: typeof shares;
  stepFault: typeof stepFault;
  steps: typeof steps;
  tickets: typeof tickets;
  timers: typeof timers;
  transitions: typeof transitions;
  users: typeof users;
  validators: typeof validators;
  viewWrites: typeof viewWrites;
  why: typeof why;
  whyRules: typeof whyRules;
}>;

/**
 * A utility for referencing Convex functions in your app's public API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;

/**
 * A utility for referencing Convex functions in your app's internal API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = internal.myModule.myFunction;
 * ```
 */
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;

export declare const components: {};
