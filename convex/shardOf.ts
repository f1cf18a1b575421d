// Which shard an actor lives in: its project's, so that a project, its features and its agents always have one owner.

export const SHARDS = 16;

/** The project's part of any address below it: its first two segments. */
export const projectOf = (address: string): string => address.split("/", 2).join("/");

/** The feature's part of a feature's or an agent's address; null for a project's. */
export function featureOf(address: string): string | null {
  const segments = address.split("/");
  return segments.length < 3 ? null : segments.slice(0, 3).join("/");
}

/** The last part of an address: "oma-1", "coder-2". */
export const lastSegment = (address: string): string => address.slice(address.lastIndexOf("/") + 1);

/** Whether an address is the project itself or something inside it. */
export const isWithin = (address: string, project: string): boolean => address === project || address.startsWith(`${project}/`);

/** FNV-1a (32 bits) of the project's address, modulo the number of shards. Addresses are ASCII. */
export function shardOf(address: string): number {
  let hash = 0x811c9dc5;
  for (const character of projectOf(address)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash >>> 0) % SHARDS;
}
