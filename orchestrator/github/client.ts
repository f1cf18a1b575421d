// GitHub as our App: one installation token per repository and permission, and the few calls we make.

import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { OmakaseError, reasonOf } from "../errors.ts";

/** GitHub said no, and will say it again. */
export class GitHubRefused extends OmakaseError {
  readonly code = "github_refused";
  readonly retryable = false;
}

/** No answer, a server fault, or a rate limit. */
export class GitHubUnavailable extends OmakaseError {
  readonly code = "github_unavailable";
  readonly retryable = true;
  constructor(
    message: string,
    override readonly retryAfterMs: number | null,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

export interface GitToken {
  readonly token: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

export interface GitHub {
  /** "owner/name" → the URL git clones from. */
  cloneUrl(repository: string): string;
  /** A token for that repository's contents and nothing else; lives an hour. @throws {GitHubRefused} when the App is not installed there */
  gitToken(repository: string, contents: "read" | "write"): Promise<GitToken>;
  /** Runs calls as the App on that repository, with errors translated. */
  call<T>(repository: string, run: (octokit: Octokit, where: { owner: string; repo: string }) => Promise<T>): Promise<T>;
}

export interface GitHubSettings {
  readonly apiUrl: string;
  readonly webUrl: string;
  readonly appId: string;
  readonly privateKey: string;
}

export function createGitHub({ apiUrl, webUrl, appId, privateKey }: GitHubSettings): GitHub {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const app = new Octokit({ baseUrl: apiUrl, authStrategy: createAppAuth, auth: { appId, privateKey }, log: quiet });
  const installations = new Map<string, Promise<number>>();
  const clients = new Map<string, Promise<Octokit>>();

  const installationOf = (repository: string) => {
    let found = installations.get(repository);
    if (!found) {
      const where = split(repository);
      found = translating(async () => (await app.apps.getRepoInstallation(where)).data.id);
      installations.set(repository, found);
      found.catch(() => installations.delete(repository));
    }
    return found;
  };
  const clientOf = (repository: string) => {
    let client = clients.get(repository);
    if (!client) {
      client = installationOf(repository).then(
        (installationId) =>
          new Octokit({ baseUrl: apiUrl, authStrategy: createAppAuth, auth: { appId, privateKey, installationId }, log: quiet }),
      );
      clients.set(repository, client);
      client.catch(() => clients.delete(repository));
    }
    return client;
  };
  return {
    cloneUrl: (repository) => `${webUrl}/${repository}.git`,
    gitToken: async (repository, contents) => {
      const installation_id = await installationOf(repository);
      const { data } = await translating(() =>
        app.apps.createInstallationAccessToken({
          installation_id,
          repositories: [split(repository).repo],
          permissions: { contents },
        }),
      );
      return { token: data.token, expiresAt: Date.parse(data.expires_at) };
    },
    call: async (repository, run) => {
      const octokit = await clientOf(repository);
      return translating(() => run(octokit, split(repository)));
    },
  };
}

function split(repository: string): { owner: string; repo: string } {
  const [owner = "", repo = ""] = repository.split("/");
  return { owner, repo };
}

async function translating<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw translated(error);
  }
}

/** Secondary limits come as 403 or 429 with a wait; without one GitHub asks for at least a minute (facts: services 7). */
const SECONDARY_LIMIT_WAIT_MS = 60_000;

function translated(error: unknown): OmakaseError {
  if (error instanceof OmakaseError) return error;
  const fault = error as { status?: number; response?: { headers?: Record<string, string | undefined> } };
  const { status } = fault;
  if (status === undefined || status >= 500) return new GitHubUnavailable(reasonOf(error), null, error);
  const wait = Number(fault.response?.headers?.["retry-after"]);
  const isLimit = status === 429 || (status === 403 && /rate limit/i.test(reasonOf(error)));
  if (isLimit) return new GitHubUnavailable(reasonOf(error), wait > 0 ? wait * 1000 : SECONDARY_LIMIT_WAIT_MS, error);
  return new GitHubRefused(reasonOf(error), { cause: error });
}
