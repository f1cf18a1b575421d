// The numbered kill points that must have killed: of every kind of effect its whole way, and every other border of the orchestrator.
// A new kind of effect does not compile until somebody has said which requests perform it.

import type { Effect } from "@omakase/machines";

/** The requests that perform an effect, in order; what performs and settles it in one is one. What its commit answers has none. */
const PERFORMED: Readonly<Record<Effect["kind"], readonly string[]>> = {
  findReady: [],
  announceToDependents: [],
  resolveDependencies: ["linear.blockers", "convex.dependencies:resolve"],
  moveIssue: ["linear.stateOf", "linear.setState", "convex.host:settle moveIssue"],
  commentOnIssue: ["linear.comment", "convex.host:settle commentOnIssue"],
  openPullRequest: [
    "convex.features:forPullRequest",
    "github.GET /repos/{}/pulls",
    "github.POST /repos/{}/pulls",
    "convex.host:settle openPullRequest",
  ],
  closePullRequest: ["github.GET /repos/{}/pulls/{n}", "github.PATCH /repos/{}/pulls/{n}", "convex.host:settle closePullRequest"],
  runTask: ["ecs.RunTask", "convex.host:settle runTask"],
  stopTask: ["ecs.StopTask", "convex.host:settle stopTask"],
  checkProgress: ["convex.runs:byAgent", "convex.runs:silence", "convex.host:settle checkProgress"],
};

/** Owning, receiving, stepping; what is not about one kind of effect. */
const REQUESTS = [
  "identity.token",
  "convex.shards:attend",
  "convex.host:load",
  "convex.host:actors",
  "convex.host:commit spawn",
  "convex.host:commit timer",
  "convex.linear:receive",
  "convex.github:receive",
  "convex.ecs:receive",
  "convex.runs:claim",
  "convex.runs:append",
  "convex.runs:report",
  "github.POST /app/installations/{n}/access_tokens",
];

/** A hand-over's own: reached by SIGTERM. */
const HAND_OVER = ["convex.shards:release"];

const ALONE = [
  "mail.before",
  "mail.after",
  "ack./webhooks/linear.before",
  "ack./webhooks/github.before",
  "ack./events/ecs.before",
  "ack./agents/claim.before",
  "ack./agents/events.before",
  "ack./agents/report.before",
];

const around = (name: string) => [`${name}.before`, `${name}.sent`, `${name}.answered`];

/** Reached while tickets are worked on. */
export const POINTS: readonly string[] = [
  ...new Set([
    ...(Object.keys(PERFORMED) as Effect["kind"][])
      .flatMap((kind) => [`convex.host:commit ${kind}`, ...PERFORMED[kind]])
      .flatMap(around),
    ...REQUESTS.flatMap(around),
    ...ALONE,
  ]),
];

export const HAND_OVER_POINTS: readonly string[] = HAND_OVER.flatMap(around);
