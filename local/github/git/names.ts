// Which names may become a branch, a repository or an account. Nothing else of a client's choosing reaches git or the disk as a name.

export const ZERO_SHA = "0".repeat(40);
export const isSha = (value: string) => /^[0-9a-f]{40}$/.test(value);

const FORBIDDEN_IN_REF = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.\/|\.lock(\/|$)|\.$|\/$|^\/|^-|^@$/u;

/** Git's own rule (git-check-ref-format) for a short name such as `agent/12`, plus a bound on its length. */
export const isBranchName = (name: string) =>
  name.length > 0 && name.length <= 244 && !name.startsWith(".") && !FORBIDDEN_IN_REF.test(name);

/** A full name below `refs/heads/` or `refs/tags/`. */
export const isRefName = (name: string) =>
  /^refs\/(heads|tags)\//.test(name) && isBranchName(name.replace(/^refs\/(heads|tags)\//, ""));

/** First path segments of this server's own routes, which therefore cannot be account names. */
const RESERVED = new Set([
  "app",
  "graphql",
  "installation",
  "meta",
  "orgs",
  "rate_limit",
  "repos",
  "repositories",
  "user",
  "users",
  "zen",
]);

export const isAccountName = (name: string) =>
  /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$/.test(name) && !RESERVED.has(name.toLowerCase());

export const isRepositoryName = (name: string) =>
  /^[A-Za-z0-9._-]{1,100}$/.test(name) && name !== "." && name !== ".." && !/\.(git|wiki)$/i.test(name);

/** A path inside a commit's tree: git takes one that climbs out, or holds a zero byte, for a mistake of its caller. */
export const isTreePath = (path: string) =>
  path.length <= 4_096 && !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
