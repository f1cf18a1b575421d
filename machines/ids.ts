// The names things have. Branded, so that a project's address cannot be passed where a feature's is meant.
//
//   org/project                     a project
//   org/project/oma-1               a feature: the lower-cased key its ticket had when it first appeared, never changed afterwards
//   org/project/oma-1/coder-2       an agent: the second run of the coder role on that feature

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type ProjectAddress = Id<"ProjectAddress">;
export type FeatureAddress = Id<"FeatureAddress">;
export type AgentAddress = Id<"AgentAddress">;
export type ActorAddress = ProjectAddress | FeatureAddress | AgentAddress;
export type ActorKind = "project" | "feature" | "agent";

/** `<actor>:<sequence>:<index>`: one effect of one step. Deterministic, so a replayed step cannot invent a new one (P5). */
export type EffectId = Id<"EffectId">;

/** Lower-case letters, digits and inner hyphens: what every part of an address and of a branch name is made of. */
const SEGMENT = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** Whether a text may be a part of an address. Machines ask before they build one: they must not throw. */
export const isSegment = (text: string): boolean => SEGMENT.test(text);

/** @throws {TypeError} naming the bad part. */
function join(parts: readonly string[]): string {
  for (const part of parts) {
    if (!isSegment(part))
      throw new TypeError(`"${part}" cannot be part of an address: use lower-case letters, digits and inner hyphens`);
  }
  return parts.join("/");
}

export const projectAddress = (organization: string, project: string) => join([organization, project]) as ProjectAddress;
export const featureAddress = (project: ProjectAddress, featureId: string) =>
  join([...project.split("/"), featureId]) as FeatureAddress;
export const agentAddress = (feature: FeatureAddress, role: string, run: number) =>
  join([...feature.split("/"), `${role}-${run}`]) as AgentAddress;

/** The kind an address is of, told by its depth. @throws {TypeError} when it is none. */
export function actorKind(address: string): ActorKind {
  const depth = address.split("/").length;
  if (depth === 2) return "project";
  if (depth === 3) return "feature";
  if (depth === 4) return "agent";
  throw new TypeError(`"${address}" is not the address of a project, a feature or an agent`);
}

/** The address one level up; a project has none. */
export function parentOf(address: AgentAddress): FeatureAddress;
export function parentOf(address: FeatureAddress): ProjectAddress;
export function parentOf(address: AgentAddress | FeatureAddress): FeatureAddress | ProjectAddress {
  return address.slice(0, address.lastIndexOf("/")) as FeatureAddress | ProjectAddress;
}

/** The last part of an address: `oma-1`, `coder-2`. */
export const lastSegment = (address: ActorAddress): string => address.slice(address.lastIndexOf("/") + 1);

/** The branch every agent of a feature works on. */
export const branchOf = (feature: FeatureAddress): string => `agent/${lastSegment(feature)}`;

export const effectId = (actor: ActorAddress, sequence: number, index: number) => `${actor}:${sequence}:${index}` as EffectId;
