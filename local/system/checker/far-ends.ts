// What the far ends recorded against what was asked for: nothing there that nobody asked for, nothing there twice (I4, P5).
// The names of effects at the far ends are derived here anew, from the contract: docs/design/guarantees.md.

import { createHash } from "node:crypto";
import type { Folded } from "./fold.ts";
import { type History, type OutboxRow, type Violation, violation } from "./history.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest();

/** RunTask's client token of an effect. */
export const tokenOf = (effectId: string): string => sha256(effectId).toString("base64url");
/** RunTask's `startedBy` of an effect. */
export const starterOf = (effectId: string): string => sha256(effectId).toString("hex").slice(0, 32);
/** The id an effect's comment has in Linear: a UUID of version 4. */
export function commentIdOf(effectId: string): string {
  const hex = sha256(`linear-comment:${effectId}`).toString("hex").slice(0, 32);
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 0x3) | 0x8).toString(16);
  const text = `${hex.slice(0, 12)}4${hex.slice(13, 16)}${variant}${hex.slice(17)}`;
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}

export function wrongAtFarEnds(history: History, folded: Folded): Violation[] {
  const { outbox } = history.tables;
  const of = (kind: string) => outbox.filter((row) => row.kind === kind);
  return [
    ...wrongLaunches(history, of("runTask")),
    ...wrongComments(history, of("commentOnIssue")),
    ...wrongPullRequests(history, of("openPullRequest"), folded),
    ...wrongClosings(history, folded),
    ...wrongMoves(history, of("moveIssue"), folded),
  ];
}

/** I4, H4. */
function wrongLaunches({ ends, tables }: History, asked: readonly OutboxRow[]): Violation[] {
  const found: Violation[] = [];
  const byToken = new Map(asked.map((row) => [tokenOf(row.effectId), row]));
  const byStarter = new Map(asked.map((row) => [starterOf(row.effectId), row]));
  const tasks = new Map<string, number>();
  const hashes = new Map<string, string>();
  for (const { seq, isNew, clientToken, overridesHash } of ends.launches) {
    const row = clientToken === null ? undefined : byToken.get(clientToken);
    if (!row) {
      found.push(violation("I4", `ECS's entry ${seq} launched a task that no effect asked for (token ${clientToken})`));
      continue;
    }
    const { actor, effectId } = row;
    const before = hashes.get(effectId);
    if (before !== undefined && before !== overridesHash)
      found.push(violation("H4", `was launched with other parameters at ECS's entry ${seq}`, { actor, effectId }));
    hashes.set(effectId, overridesHash);
    if (!isNew) continue;
    const count = (tasks.get(effectId) ?? 0) + 1;
    tasks.set(effectId, count);
    if (count > 1) found.push(violation("I4", `has launched task ${count}, at ECS's entry ${seq}`, { actor, effectId }));
  }
  const launched = new Set(tables.agentRuns.filter(({ taskArn }) => taskArn !== null).map(({ effectId }) => effectId));
  for (const { actor, effectId, state } of asked)
    if (state === "done" && launched.has(effectId) && !tasks.has(effectId))
      found.push(violation("I4", "is done, and ECS never launched anything for it", { actor, effectId }));
  const started = new Map<string, number>();
  for (const { seq, startedBy } of ends.started) {
    const row = startedBy === null ? undefined : byStarter.get(startedBy);
    const count = (started.get(startedBy ?? "") ?? 0) + 1;
    started.set(startedBy ?? "", count);
    if (!row) found.push(violation("I4", `ECS's entry ${seq} started a container that no effect asked for`));
    else if (count > 1)
      found.push(
        violation("I4", `has started container ${count}, at ECS's entry ${seq}`, { actor: row.actor, effectId: row.effectId }),
      );
  }
  return found;
}

/** P5. */
function wrongComments({ ends }: History, asked: readonly OutboxRow[]): Violation[] {
  const found: Violation[] = [];
  const byId = new Map(asked.map((row) => [commentIdOf(row.effectId), row]));
  const made = new Set<string>();
  for (const { seq, id } of ends.comments) {
    const row = byId.get(id);
    if (!row) found.push(violation("P5", `Linear's entry ${seq} is a comment that no effect asked for`));
    else if (made.has(id))
      found.push(violation("P5", `has commented again, at Linear's entry ${seq}`, { actor: row.actor, effectId: row.effectId }));
    made.add(id);
  }
  for (const [id, { actor, effectId, state }] of byId)
    if (state === "done" && !made.has(id))
      found.push(violation("P5", "is done, and its comment is not in Linear", { actor, effectId }));
  return found;
}

/** P5: at most one pull request an effect, and one for every branch whose effect is done. */
function wrongPullRequests({ ends, tables }: History, asked: readonly OutboxRow[], { effects }: Folded): Violation[] {
  const found: Violation[] = [];
  const made = new Map<string, number>();
  for (const { head } of ends.pullRequests) made.set(head, (made.get(head) ?? 0) + 1);
  const wanted = new Map<string, OutboxRow[]>();
  for (const row of asked) {
    const { branch } = JSON.parse(effects.get(row.effectId)?.payload ?? row.payload) as { branch: string };
    wanted.set(branch, [...(wanted.get(branch) ?? []), row]);
  }
  for (const [head, count] of made) {
    const rows = wanted.get(head) ?? [];
    const [row] = rows;
    const about = row ? { actor: row.actor, effectId: row.effectId } : {};
    if (count > rows.length)
      found.push(violation("P5", `${count} pull requests were opened of ${head}, and ${rows.length} asked for`, about));
  }
  for (const [head, rows] of wanted) {
    const done = rows.find(({ state }) => state === "done");
    // One that was cancelled before it was performed is not opened.
    const isWanted = tables.features.every(({ branch, state }) => branch !== head || state !== "cancelled");
    if (done && isWanted && !made.has(head))
      found.push(
        violation("P5", `is done, and there is no pull request of ${head}`, { actor: done.actor, effectId: done.effectId }),
      );
  }
  return found;
}

/** P5: what was open is closed for a feature that was cancelled, as often as was asked for at most. */
function wrongClosings({ ends, tables }: History, { effects }: Folded): Violation[] {
  const found: Violation[] = [];
  const asked = new Map<string, { readonly actor: string; count: number; isClosing: boolean }>();
  for (const { actor, kind, payload } of effects.values()) {
    // One that came too late is closed by what opened it.
    if (kind !== "closePullRequest" && kind !== "openPullRequest") continue;
    const { branch } = JSON.parse(payload) as { branch: string };
    const known = asked.get(branch) ?? { actor, count: 0, isClosing: false };
    asked.set(branch, { actor, count: known.count + 1, isClosing: known.isClosing || kind === "closePullRequest" });
  }
  const closed = new Map<string, number>();
  for (const { seq, head } of ends.closings) {
    const count = (closed.get(head) ?? 0) + 1;
    closed.set(head, count);
    const wanted = asked.get(head);
    const isCancelled = tables.features.some(({ branch, state }) => branch === head && state === "cancelled");
    const about = { actor: wanted?.actor ?? null };
    if (!wanted || !(wanted.isClosing || isCancelled))
      found.push(violation("P5", `GitHub's entry ${seq} closes the pull request of ${head}, and nobody asked for that`, about));
    else if (count > wanted.count)
      found.push(
        violation(
          "P5",
          `GitHub's entry ${seq} closes the pull request of ${head}: closing ${count}, and ${wanted.count} were asked for`,
          about,
        ),
      );
  }
  return found;
}

/** P5: an issue is not moved more often than it was asked for. People may move it as they like. */
function wrongMoves({ ends }: History, asked: readonly OutboxRow[], { effects }: Folded): Violation[] {
  const found: Violation[] = [];
  const wanted = new Map<string, OutboxRow[]>();
  for (const row of asked) {
    const { issueId } = JSON.parse(effects.get(row.effectId)?.payload ?? row.payload) as { issueId: string };
    wanted.set(issueId, [...(wanted.get(issueId) ?? []), row]);
  }
  const moved = new Map<string, number>();
  for (const { seq, issueId, to } of ends.moves) {
    const count = (moved.get(issueId) ?? 0) + 1;
    moved.set(issueId, count);
    const rows = wanted.get(issueId) ?? [];
    if (count > rows.length) {
      const actor = rows[0]?.actor ?? null;
      found.push(
        violation("P5", `Linear's entry ${seq} moves its issue to ${to}: move ${count}, and ${rows.length} were asked for`, {
          actor,
        }),
      );
    }
  }
  return found;
}
