// GitHub as our App: one installation token per repository and permission, and the few calls we make.

import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { type Clock, systemClock } from "../actors/clock.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import { RateBudget, type Urgency } from "../rates/rate-budget.ts";
import { rateLimitIn, standingIn } from "./rate-headers.ts";

/** GitHub said no, and will say it again. */
export class GitHubRefused extends OmakaseError {
  readonly code = "github_refused";
  readonly retryable = false;
}

/** No answer, or a server fault. */
export class GitHubUnavailable extends OmakaseError {
  readonly code = "github_unavailable";
  readonly retryable = true;
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
  /**
   * Runs calls as the App on that repository, with errors translated; each is counted in the budget of the installation.
   * @param urgency @default "effect" @throws {GitHubRefused} {GitHubUnavailable} {RateLimited}
   */
  call<T>(
    repository: string,
    run: (octokit: Octokit, where: { owner: string; repo: string }) => Promise<T>,
    urgency?: Urgency,
  ): Promise<T>;
  /** Runs calls as the App itself (its deliveries). */
  asApp<T>(run: (octokit: Octokit) => Promise<T>, urgency?: Urgency): Promise<T>;
}

export interface GitHubSettings {
  readonly apiUrl: string;
  readonly webUrl: string;
  readonly appId: string;
  readonly privateKey: string;
}

export function createGitHub({ apiUrl, webUrl, appId, privateKey }: GitHubSettings, clock: Clock = systemClock): GitHub {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const shared = { baseUrl: apiUrl, log: quiet, request: { fetch: boundedFetch } };
  const budgets = new Map<number | "app", RateBudget>();
  const budgetOf = (installation: number | "app"): RateBudget => {
    const known = budgets.get(installation) ?? new RateBudget(`github/${installation}`, "atOnce", clock);
    budgets.set(installation, known);
    return known;
  };
  /** Every request asks the budget first, and tells it what the answer said. */
  const counted = (octokit: Octokit, budget: RateBudget, urgency: Urgency): Octokit => {
    octokit.hook.wrap("request", async (request, options) => {
      budget.take(urgency);
      try {
        const response = await request(options);
        budget.told(standingIn(response.headers));
        // Found by `bun run chaos`: of JSON that does not end Octokit gives the text, and a pull request's number is then undefined.
        if (typeof response.data === "string" && response.headers["content-type"]?.includes("json"))
          throw new GitHubUnavailable(`GitHub's answer to ${options.method} ${options.url} broke off`);
        return response;
      } catch (error) {
        const limit = rateLimitIn(error, clock.now());
        if (limit) throw budget.refused(limit.reason, limit.waitMs, error);
        throw error;
      }
    });
    return octokit;
  };
  const appFor = (urgency: Urgency) =>
    counted(new Octokit({ ...shared, authStrategy: createAppAuth, auth: { appId, privateKey } }), budgetOf("app"), urgency);
  const app = appFor("effect");
  const installations = new Map<string, Promise<number>>();
  /** Repositories whose kept token was refused: the next call asks for a new one. */
  const stale = new Set<string>();

  const installationOf = (repository: string) => {
    let found = installations.get(repository);
    if (!found) {
      found = app.apps.getRepoInstallation(split(repository)).then(({ data }) => data.id);
      installations.set(repository, found);
      found.catch(() => installations.delete(repository));
    }
    return found;
  };
  /** Runs calls on a repository. An App that was removed and installed again has another number: a refusal forgets the one we know. */
  const onRepository = async <T>(repository: string, run: (installationId: number) => Promise<T>): Promise<T> => {
    try {
      return await run(await installationOf(repository));
    } catch (error) {
      const fault = translated(error);
      if (!fault.retryable) installations.delete(repository);
      throw fault;
    }
  };
  return {
    cloneUrl: (repository) => `${webUrl}/${repository}.git`,
    gitToken: (repository, contents) =>
      onRepository(repository, async (installation_id) => {
        const { data } = await app.apps.createInstallationAccessToken({
          installation_id,
          repositories: [split(repository).repo],
          permissions: { contents },
        });
        return { token: data.token, expiresAt: Date.parse(data.expires_at) };
      }),
    asApp: async (run, urgency = "effect") => {
      try {
        return await run(appFor(urgency));
      } catch (error) {
        throw translated(error);
      }
    },
    call: (repository, run, urgency = "effect") =>
      onRepository(repository, async (installationId) => {
        // Narrowed to one repository and what a pull request needs; kept by the strategy until shortly before it expires.
        const { token } = (await app.auth({
          type: "installation",
          installationId,
          repositoryNames: [split(repository).repo],
          permissions: { pull_requests: "write", contents: "read" },
          refresh: stale.has(repository),
        })) as { token: string };
        stale.delete(repository);
        try {
          const octokit = counted(new Octokit({ ...shared, auth: token }), budgetOf(installationId), urgency);
          return await run(octokit, split(repository));
        } catch (error) {
          if ((error as { status?: number }).status !== 401) throw error;
          // Revoked, or so new that not all of GitHub knows it: no fault of the App's key, so another try may succeed.
          stale.add(repository);
          throw new GitHubUnavailable(reasonOf(error), { cause: error });
        }
      }),
  };
}

const CALL_TIMEOUT_MS = 30_000;
const boundedFetch = ((input: string | URL | Request, init?: RequestInit) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })) as typeof fetch;

function split(repository: string): { owner: string; repo: string } {
  const [owner = "", repo = ""] = repository.split("/");
  return { owner, repo };
}

function translated(error: unknown): OmakaseError {
  if (error instanceof OmakaseError) return error;
  const { status } = error as { status?: number };
  if (status === undefined || status >= 500) return new GitHubUnavailable(reasonOf(error), { cause: error });
  return new GitHubRefused(reasonOf(error), { cause: error });
}
