// Linear's API for the few things we need: one hand-written query each, since the SDK's lazy fields cost a request apiece and its
// connections multiply complexity by fifty (facts: services 6).

import { LinearClient, LinearError, RatelimitedLinearError } from "@linear/sdk";
import type { Issue } from "../../convex/tickets.ts";
import { type Clock, systemClock } from "../actors/clock.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import { RateBudget, type Urgency } from "../rates/rate-budget.ts";
import { parseIssue } from "./issue.ts";
import { rateLimitWaitMs, standingIn } from "./rate-headers.ts";

/** Linear said no, and will say it again. */
export class LinearRefused extends OmakaseError {
  readonly code = "linear_refused";
  readonly retryable = false;
}

/** No answer, or a server fault. */
export class LinearUnavailable extends OmakaseError {
  readonly code = "linear_unavailable";
  readonly retryable = true;
}

export interface BlockingIssue {
  readonly issueId: string;
  readonly key: string;
  readonly stateType: Issue["stateType"];
}

export interface WorkflowState {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly position: number;
}

export interface LinearApi {
  /** What blocks an issue. At most 250 relations are read. */
  blockersOf(issueId: string): Promise<readonly BlockingIssue[]>;
  /** An issue's state and its team's workflow states, in board order. */
  stateOf(issueId: string): Promise<{ readonly stateId: string; readonly states: readonly WorkflowState[] }>;
  setState(issueId: string, stateId: string): Promise<void>;
  /** @returns false when a comment with this id is there already */
  comment(issueId: string, id: string, body: string): Promise<boolean>;
  /** Issues of these teams changed at or after `since` (ms), oldest first, a page at a time. */
  changedSince(
    teamIds: readonly string[],
    since: number,
    before: string | null,
  ): Promise<{ readonly issues: readonly Issue[]; readonly next: string | null }>;
}

const CALL_TIMEOUT_MS = 20_000;

const ISSUE_FIELDS = `id identifier title description url priority updatedAt archivedAt trashed
  state { name type } team { id } labels(first: 50) { nodes { name } }`;

/** One hand-written query. @throws {LinearRefused} {LinearUnavailable} {RateLimited} */
export type LinearRequest = <T>(query: string, variables: Record<string, unknown>) => Promise<T>;

export interface LinearSettings {
  readonly apiUrl: string;
  readonly apiKey: string;
}

/** The one budget of our credential, to be shared by everything that calls Linear. */
export const linearBudget = (clock: Pick<Clock, "now" | "elapsed"> = systemClock): RateBudget =>
  new RateBudget("linear", "evenly", clock);

/** Asks through the SDK's own client, with its errors translated. @param budget one for all that use the key @param urgency how this caller is to be served */
export function createLinearRequest(
  { apiUrl, apiKey }: LinearSettings,
  budget: RateBudget = linearBudget(),
  urgency: Urgency = "effect",
): LinearRequest {
  return async <T>(query: string, variables: Record<string, unknown>): Promise<T> => {
    budget.take(urgency);
    // The SDK has no time-out of its own: a client is cheap, and its signal is for one call.
    const { client } = new LinearClient({ apiKey, apiUrl, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    try {
      const answer = await client.rawRequest<T, Record<string, unknown>>(query, variables);
      budget.told(standingIn(answer.headers));
      if (!answer.data) throw new LinearUnavailable("Linear answered without data");
      return answer.data;
    } catch (error) {
      throw translated(error, budget);
    }
  };
}

export function createLinear(settings: LinearSettings, budget?: RateBudget, urgency?: Urgency): LinearApi {
  const request = createLinearRequest(settings, budget, urgency);
  return {
    blockersOf: async (issueId) => {
      const { issue } = await request<{ issue: { inverseRelations: { nodes: { type: string; issue: RawState }[] } } }>(
        `query blockers($id: String!) { issue(id: $id) { inverseRelations(first: 250) { nodes { type issue { id identifier state { type } } } } } }`,
        { id: issueId },
      );
      return issue.inverseRelations.nodes
        .filter((relation) => relation.type === "blocks")
        .map(({ issue: blocker }) => ({
          issueId: blocker.id,
          key: blocker.identifier,
          stateType: blocker.state.type as Issue["stateType"],
        }));
    },
    stateOf: async (issueId) => {
      const { issue } = await request<{ issue: { state: { id: string }; team: { states: { nodes: WorkflowState[] } } } }>(
        `query stateOf($id: String!) { issue(id: $id) { state { id } team { states(first: 100) { nodes { id name type position } } } } }`,
        { id: issueId },
      );
      return { stateId: issue.state.id, states: [...issue.team.states.nodes].sort((a, b) => a.position - b.position) };
    },
    setState: async (issueId, stateId) => {
      await request(
        `mutation setState($id: String!, $stateId: String!) { issueUpdate(id: $id, input: { stateId: $stateId }) { success } }`,
        {
          id: issueId,
          stateId,
        },
      );
    },
    comment: async (issueId, id, body) => {
      try {
        await request(
          `mutation comment($id: String!, $issueId: String!, $body: String!) { commentCreate(input: { id: $id, issueId: $issueId, body: $body }) { success } }`,
          { id, issueId, body },
        );
        return true;
      } catch (error) {
        // The answer to a repeat; anything else with this id cannot be there, since we derived it (facts: services 6).
        if (error instanceof LinearRefused && /conflict on insert|already exists/i.test(error.message)) return false;
        throw error;
      }
    },
    changedSince: async (teamIds, since, before) => {
      // Linear lists the newest first, whatever it is asked to order by: read from the end, the oldest come first.
      const { issues } = await request<{
        issues: { nodes: unknown[]; pageInfo: { hasPreviousPage: boolean; startCursor: string | null } };
      }>(
        `query changed($teams: [ID!]!, $since: DateTimeOrDuration!, $before: String) {
          issues(last: 50, before: $before, orderBy: updatedAt, includeArchived: true,
            filter: { team: { id: { in: $teams } }, updatedAt: { gte: $since } }) {
              nodes { ${ISSUE_FIELDS} } pageInfo { hasPreviousPage startCursor } } }`,
        { teams: teamIds, since: new Date(since).toISOString(), before },
      );
      return {
        issues: issues.nodes.map((node) => parseIssue(node, false)).reverse(),
        next: issues.pageInfo.hasPreviousPage ? issues.pageInfo.startCursor : null,
      };
    },
  };
}

interface RawState {
  readonly id: string;
  readonly identifier: string;
  readonly state: { readonly type: string };
}

function translated(error: unknown, budget: RateBudget): OmakaseError {
  if (error instanceof OmakaseError) return error;
  const parsed = error instanceof LinearError ? error : null;
  const text = parsed?.errors?.[0]?.message ?? reasonOf(error);
  const raw = isRaw(error) ? error : null;
  const codes = raw?.response?.errors?.map((fault) => fault.extensions?.code) ?? [];
  const limited = error instanceof RatelimitedLinearError ? error : null;
  if (limited || codes.includes("RATELIMITED")) {
    return budget.refused("Linear's rate limit is reached", rateLimitWaitMs(limited, Date.now()), error);
  }
  const status = parsed?.status ?? raw?.response?.status;
  if (status !== undefined && status >= 400 && status < 500) return new LinearRefused(message(raw) ?? text, { cause: error });
  if (status === 200) return new LinearRefused(message(raw) ?? text, { cause: error });
  return new LinearUnavailable(text, { cause: error });
}

interface RawError {
  readonly response?: {
    readonly status?: number;
    readonly errors?: readonly {
      readonly message?: string;
      readonly extensions?: { readonly code?: string; readonly userPresentableMessage?: string };
    }[];
  };
}
const isRaw = (error: unknown): error is RawError => typeof error === "object" && error !== null && "response" in error;
const message = (raw: RawError | null) => {
  const first = raw?.response?.errors?.[0];
  return first ? [first.message, first.extensions?.userPresentableMessage].filter(Boolean).join(": ") : undefined;
};
