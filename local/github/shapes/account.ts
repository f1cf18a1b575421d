// Accounts, repositories, installations and tokens as GitHub's JSON writes them.
import type { Permissions } from "../auth/permissions.ts";
import { GRANTED } from "../auth/permissions.ts";
import { type Account, accountOf, type Installation } from "../store/accounts.ts";
import { fullName, type Repository } from "../store/repositories.ts";
import type { World } from "../world.ts";

/** GitHub's opaque global id: what GraphQL takes. */
export const nodeId = (kind: string, id: number) => `${kind}_${Buffer.from(String(id)).toString("base64url")}`;
export const idOfNode = (kind: string, node: string): number | null => {
  const id = node.startsWith(`${kind}_`) ? Number(Buffer.from(node.slice(kind.length + 1), "base64url").toString()) : Number.NaN;
  return Number.isSafeInteger(id) && id > 0 ? id : null;
};

export const accountShape = (world: World, account: Pick<Account, "id" | "login" | "type">) => ({
  login: account.login,
  id: account.id,
  node_id: nodeId(account.type === "Organization" ? "O" : account.type === "Bot" ? "BOT" : "U", account.id),
  avatar_url: "",
  gravatar_id: "",
  url: `${world.url()}/users/${encodeURIComponent(account.login)}`,
  html_url: `${world.url()}/${encodeURIComponent(account.login)}`,
  type: account.type,
  site_admin: false,
});

export const accountById = (world: World, id: number) => accountShape(world, accountOf(world.db, id));

export function repositoryShape(world: World, repository: Repository) {
  const name = fullName(repository);
  return {
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name: repository.name,
    full_name: name,
    private: repository.private === 1,
    visibility: repository.private === 1 ? "private" : "public",
    owner: accountShape(world, { id: repository.ownerId, login: repository.ownerLogin, type: repository.ownerType }),
    html_url: `${world.url()}/${name}`,
    description: repository.description,
    fork: false,
    url: `${world.url()}/repos/${name}`,
    clone_url: `${world.url()}/${name}.git`,
    git_url: `${world.url()}/${name}.git`,
    default_branch: repository.defaultBranch,
    archived: false,
    disabled: false,
    has_issues: true,
    has_wiki: false,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: true,
    delete_branch_on_merge: false,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    pushed_at: repository.pushedAt,
  };
}

export function installationShape(world: World, installation: Installation) {
  const account = accountById(world, installation.accountId);
  return {
    id: installation.id,
    account,
    target_id: account.id,
    target_type: account.type,
    app_id: world.settings.appId,
    app_slug: world.settings.appSlug,
    repository_selection: "all",
    permissions: GRANTED,
    events: ["check_run", "check_suite", "issue_comment", "pull_request", "pull_request_review", "push", "status"],
    access_tokens_url: `${world.url()}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${world.url()}/installation/repositories`,
    html_url: `${world.url()}/${account.login}`,
    created_at: installation.createdAt,
    updated_at: installation.createdAt,
    single_file_name: null,
    suspended_at: null,
    suspended_by: null,
  };
}

export const appShape = (world: World, permissions: Permissions = GRANTED) => ({
  id: world.settings.appId,
  slug: world.settings.appSlug,
  node_id: nodeId("A", world.settings.appId),
  name: world.settings.appSlug,
  description: null,
  external_url: world.url(),
  html_url: `${world.url()}/apps/${world.settings.appSlug}`,
  permissions,
});
