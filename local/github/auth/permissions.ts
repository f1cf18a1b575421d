// What a token may do. GitHub's names and levels, as far as this server has routes for them.
import { GitHubError } from "../errors.ts";

export type Permission = "administration" | "checks" | "contents" | "issues" | "metadata" | "pull_requests" | "statuses";
export type Level = "read" | "write";
export type Permissions = Readonly<Partial<Record<Permission, Level>>>;

/** What the app has been granted wherever it is installed. */
export const GRANTED: Permissions = {
  administration: "write",
  checks: "write",
  contents: "write",
  issues: "write",
  metadata: "read",
  pull_requests: "write",
  statuses: "write",
};

const isPermission = (name: string): name is Permission => Object.hasOwn(GRANTED, name);

export const allows = (permissions: Permissions, name: Permission, level: Level) =>
  permissions[name] === "write" || (level === "read" && permissions[name] === "read");

/** The permissions of a new token: what was asked for, if all of it was granted. @throws {GitHubError} 422 otherwise */
export function narrowed(asked: Readonly<Record<string, unknown>> | undefined): Permissions {
  if (asked === undefined || Object.keys(asked).length === 0) return GRANTED;
  const result: Partial<Record<Permission, Level>> = { metadata: "read" };
  for (const [name, level] of Object.entries(asked)) {
    if (!isPermission(name) || (level !== "read" && level !== "write") || !allows(GRANTED, name, level)) {
      throw new GitHubError(422, "The permissions requested are not granted to this installation.");
    }
    result[name] = level;
  }
  return result;
}
