// Who may call what (P9). Every public function is built here, so none can be written that does not resolve its caller first.
//
//   A1. A member function resolves the caller, the organisation and the role before its handler reads anything.
//   A2. What belongs to another organisation is refused exactly like what does not exist: same code, same text.
//   A3. A service function needs the orchestrator's own subject and its scope: a person's token may carry the scope, never the subject.

import type { RegisteredMutation, RegisteredQuery, UserIdentity } from "convex/server";
import type { GenericValidator, Infer, ObjectType, PropertyValidators } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { type MutationCtx, mutation, type QueryCtx, query } from "./_generated/server";
import { refuse } from "./errors.ts";
import { projectOf } from "./shardOf.ts";

export type MemberRole = Doc<"memberships">["role"];

/** Somebody signed in, of no organisation yet. */
export interface Person {
  /** The identity provider's id; memberships are keyed by it. */
  readonly subject: string;
  readonly tokenIdentifier: string;
  readonly name: string;
  readonly email: string;
}

/** What a member function's context has beside `db`. */
export interface Membership {
  readonly person: Person & { readonly role: MemberRole };
  readonly organization: Doc<"organizations">;
  readonly project: Doc<"projects">;
}

interface Handled<Ctx, Args extends PropertyValidators, Returns extends GenericValidator> {
  readonly args: Args;
  readonly returns: Returns;
  readonly handler: (ctx: Ctx, args: ObjectType<Args>) => Promise<Infer<Returns>>;
}

interface ForMembers<Ctx, Args extends PropertyValidators, Returns extends GenericValidator> extends Handled<Ctx, Args, Returns> {
  /** The least role that may call it. */
  readonly needs: MemberRole;
  /** The address of the project, or of anything inside it, that the arguments are about; null when they lead nowhere. */
  readonly about: (args: ObjectType<Args>, ctx: QueryCtx) => string | null | Promise<string | null>;
}

const RANK: Record<MemberRole, number> = { viewer: 0, developer: 1, admin: 2 };

/** A read for members of the organisation that the arguments' project belongs to. */
export const memberQuery = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: ForMembers<QueryCtx & Membership, Args, Returns>,
) =>
  publicQuery({
    args: definition.args,
    returns: definition.returns,
    handler: async (ctx, args) =>
      definition.handler({ ...ctx, ...(await member(ctx, definition.needs, await definition.about(args, ctx))) }, args),
  });

/** A write for members of the organisation that the arguments' project belongs to. */
export const memberMutation = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: ForMembers<MutationCtx & Membership, Args, Returns>,
) =>
  publicMutation({
    args: definition.args,
    returns: definition.returns,
    handler: async (ctx, args) =>
      definition.handler({ ...ctx, ...(await member(ctx, definition.needs, await definition.about(args, ctx))) }, args),
  });

/** A read about the caller: whoever is signed in, member of something or not. */
export const personQuery = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: Handled<QueryCtx & { person: Person }, Args, Returns>,
) =>
  publicQuery({
    args: definition.args,
    returns: definition.returns,
    handler: async (ctx, args) => definition.handler({ ...ctx, person: await signedIn(ctx) }, args),
  });

/** A write about the caller. */
export const personMutation = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: Handled<MutationCtx & { person: Person }, Args, Returns>,
) =>
  publicMutation({
    args: definition.args,
    returns: definition.returns,
    handler: async (ctx, args) => definition.handler({ ...ctx, person: await signedIn(ctx) }, args),
  });

/** A read for the orchestrator. */
export const serviceQuery = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: Handled<QueryCtx, Args, Returns>,
) =>
  publicQuery({
    args: definition.args,
    returns: definition.returns,
    handler: async (ctx, args) => {
      requireService(await ctx.auth.getUserIdentity());
      return definition.handler(ctx, args);
    },
  });

/** A write for the orchestrator. */
export const serviceMutation = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: Handled<MutationCtx, Args, Returns>,
) =>
  publicMutation({
    args: definition.args,
    returns: definition.returns,
    handler: async (ctx, args) => {
      requireService(await ctx.auth.getUserIdentity());
      return definition.handler(ctx, args);
    },
  });

// Convex's own builders infer arguments through conditional types that cannot be followed while the validators are still type
// parameters; these two say once what they come to.

const publicQuery = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: Handled<QueryCtx, Args, Returns>,
) => query(definition as never) as RegisteredQuery<"public", ObjectType<Args>, Promise<Infer<Returns>>>;

const publicMutation = <Args extends PropertyValidators, Returns extends GenericValidator>(
  definition: Handled<MutationCtx, Args, Returns>,
) => mutation(definition as never) as RegisteredMutation<"public", ObjectType<Args>, Promise<Infer<Returns>>>;

/** A1, A2. @throws {ConvexError} `unauthenticated`, `forbidden` */
async function member(ctx: QueryCtx, needs: MemberRole, address: string | null): Promise<Membership> {
  const person = await signedIn(ctx);
  const project = address === null ? null : await findProject(ctx, projectOf(address));
  const membership = project === null ? null : await findMembership(ctx, person.subject, project.organization);
  const organization = project === null ? null : await ctx.db.get(project.organization);
  if (project === null || membership === null || organization === null) {
    return refuse({
      code: "forbidden",
      message: `There is nothing here for you: either it does not exist, or its organisation has not made you ${atLeast(needs)}. Ask one of its admins.`,
    });
  }
  if (RANK[membership.role] < RANK[needs]) {
    return refuse({
      code: "forbidden",
      message: `In ${organization.name} you are a ${membership.role}; this needs ${atLeast(needs)}. Ask one of its admins.`,
    });
  }
  return { person: { ...person, role: membership.role }, organization, project };
}

function atLeast(role: MemberRole): string {
  switch (role) {
    case "viewer":
      return "a viewer, developer or admin";
    case "developer":
      return "a developer or admin";
    case "admin":
      return "an admin";
    default:
      return role satisfies never;
  }
}

const findProject = (ctx: QueryCtx, address: string) =>
  ctx.db
    .query("projects")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();

const findMembership = (ctx: QueryCtx, subject: string, organization: Doc<"organizations">["_id"]) =>
  ctx.db
    .query("memberships")
    .withIndex("by_subject", (q) => q.eq("subject", subject).eq("organization", organization))
    .unique();

/** @throws {ConvexError} `unauthenticated`, `forbidden` for a machine */
async function signedIn(ctx: QueryCtx): Promise<Person> {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null) return refuse({ code: "unauthenticated", message: "Sign in first." });
  if (identity.subject.endsWith("@clients")) {
    return refuse({ code: "forbidden", message: "This is for people: a machine's token cannot be a member of an organisation." });
  }
  const email = claim(identity, "https://omakase.dev/email") ?? identity.email ?? "";
  const name = claim(identity, "https://omakase.dev/name") ?? identity.name ?? (email === "" ? identity.subject : email);
  return { subject: identity.subject, tokenIdentifier: identity.tokenIdentifier, name, email };
}

/** A3. @throws {ConvexError} `unauthenticated`, `forbidden` */
function requireService(identity: UserIdentity | null): void {
  if (identity === null) refuse({ code: "unauthenticated", message: "Sign in as the orchestrator first." });
  const clientId = process.env.AUTH0_M2M_CLIENT_ID;
  const scopes = claim(identity, "scope")?.split(" ") ?? [];
  if (!clientId || identity.subject !== `${clientId}@clients` || !scopes.includes("orchestrate")) {
    refuse({
      code: "forbidden",
      message:
        "Only the orchestrator may call this: with the token of the client AUTH0_M2M_CLIENT_ID names in this deployment's environment, with scope `orchestrate`.",
    });
  }
}

/** A text claim of the token; anything else counts as absent. */
function claim(identity: UserIdentity, name: string): string | null {
  const value: unknown = identity[name];
  return typeof value === "string" && value !== "" ? value : null;
}
