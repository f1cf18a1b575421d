// The world around the feature on the landing page: for every state of the real machine, what happens next. Pure.

import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import type { featureMachine } from "@omakase/machines/feature/feature-machine";
import { type FeatureAddress, featureAddress, projectAddress } from "@omakase/machines/ids";
import { leafPath } from "@omakase/machines/leaf";
import { DEFAULT_SETTINGS, ROLES, type Role } from "@omakase/machines/roles";
import type { SnapshotFrom } from "xstate";

export type FeatureSnapshot = SnapshotFrom<typeof featureMachine>;

const PROJECT = projectAddress("landing", "kitchen");
const BLOCKER: FeatureAddress = featureAddress(PROJECT, "oma-6");

/** The ticket whose way is shown. */
export const STORY_INPUT = {
  address: featureAddress(PROJECT, "oma-7"),
  ticket: {
    issueId: "story",
    key: "OMA-7",
    title: "Show allergens beside every dish",
    url: "",
    priority: 2,
    labels: [],
    stateType: "backlog",
    updatedAt: 0,
  },
  settings: DEFAULT_SETTINGS,
} as const;

export interface Happening {
  readonly event: FeatureEvent;
  /** What has happened, for a person. */
  readonly words: string;
}

/** What happens next, or null when the story is over. @param at ms */
export function nextHappening(snapshot: FeatureSnapshot, at: number): Happening | null {
  const { context } = snapshot;
  const state = leafPath(snapshot.value.work);
  const role = ROLES.find((each) => state.startsWith(`${each}.`));
  if (role !== undefined) {
    return state.endsWith(".requesting") ? permit(role, at, false) : finished(role, snapshot, at);
  }
  switch (state) {
    case "pending":
      return { event: { type: "start", at, by: "You" }, words: "You move the ticket to Todo" };
    case "waiting.reading":
      return {
        event: {
          type: "dependencies.resolved",
          at,
          blockers: [{ feature: BLOCKER, issueId: "story-6", key: "OMA-6", state: "unmet", branch: null }],
          cycle: null,
        },
        words: "Linear says: it is blocked by OMA-6",
      };
    case "waiting.blocked":
      return {
        event: { type: "dependency.changed", at, feature: BLOCKER, state: "met", branch: "agent/oma-6" },
        words: "OMA-6 has its pull request: no longer blocked",
      };
    case "queued":
      return permit(context.next, at, true);
    case "publishing":
      return {
        event: { type: "pullRequest.opened", at, number: 12, url: "" },
        words: "Pull request #12 is open, with the tests' evidence",
      };
    case "passing":
      return { event: { type: "pullRequest.merged", at, by: "You" }, words: "You merge it" };
    default:
      return null;
  }
}

const permit = (role: Role, at: number, admits: boolean): Happening => ({
  event: { type: "permit.granted", at, role, settings: DEFAULT_SETTINGS, admits },
  words: admits ? "The orchestrator has a free place" : `A ${role} is free`,
});

const VERDICTS: Record<Role, string> = {
  architect: "The architect hands over a plan",
  coder: "The coder pushes to the branch",
  reviewer: "The reviewer approves",
  tester: "The tester has run everything: green",
};

/** The first review asks for changes, so that the way back is seen too. */
function finished(role: Role, { context: { agent, reviewRounds } }: FeatureSnapshot, at: number): Happening | null {
  if (agent === null) return null;
  const isSentBack = role === "reviewer" && reviewRounds === 0;
  const outcome = isSentBack ? "changesRequested" : "succeeded";
  const words = isSentBack ? "The reviewer asks for changes: back to the coder" : VERDICTS[role];
  return { event: { type: "agent.finished", at, agent, role, outcome, reason: words, costUsd: 0.1, headSha: null }, words };
}
