// The text of a pull request, from what the agents handed over. All of it is a stranger's word (P8): it may not ping people, close
// other people's issues, or hide things in markup.

import { mask } from "../agents/masking.ts";
import { readResults, type StoredResults } from "../agents/results.ts";

export interface DescribedFeature {
  readonly ticket: { readonly key: string; readonly title: string; readonly url: string };
  readonly results: StoredResults;
  readonly bases: readonly string[];
  readonly costUsd: number;
}

/** GitHub's limit is 65,536 characters. */
const MAX_BODY = 60_000;
const MAX_PART = 12_000;

/** @param effectId becomes an invisible marker, so that a reader of GitHub alone can tell which effect made it */
export function describePullRequest(feature: DescribedFeature, effectId: string): string {
  const { plan, changes, review, tests } = readResults(feature.results);
  const parts = [
    `Ticket: [${plain(feature.ticket.key)}](${linkTarget(feature.ticket.url)}) ${plain(feature.ticket.title)}`,
    feature.bases.length > 0 ? `Builds on ${feature.bases.map((base) => `\`${base}\``).join(", ")}.` : null,
    changes &&
      section("What changed", [
        plain(changes.summary),
        list(changes.changes.map(({ path, why }) => `\`${code(path)}\`: ${plain(why)}`)),
      ]),
    plan && section("Plan", [plain(plan.summary), list(plan.acceptance.map(plain))]),
    review &&
      section("Review", [
        plain(review.summary),
        list(review.remarks.map((remark) => `${remark.severity} in \`${code(remark.path)}\`: ${plain(remark.message)}`)),
      ]),
    tests &&
      section("Tests", [
        plain(tests.summary),
        list(tests.evidence.map(({ check, passed }) => `${passed ? "passed" : "failed"}: ${plain(check)}`)),
      ]),
    `<sub>Made by Omakase's agents for $${feature.costUsd.toFixed(2)}. A person reviews and merges.</sub>`,
  ];
  const body = mask(parts.filter(Boolean).join("\n\n")).slice(0, MAX_BODY);
  return `${body}\n\n${markerOf(effectId)}\n`;
}

/** Invisible in the rendered text; no text of an agent can contain it, since `<` is escaped. */
export const markerOf = (effectId: string): string => `<!-- omakase:${effectId} -->`;

/** How the markers of all effects of an actor begin. */
export const markersOf = (actor: string): string => `<!-- omakase:${actor}:`;

const section = (title: string, parts: readonly (string | null)[]) =>
  `### ${title}\n\n${parts.filter(Boolean).join("\n\n").slice(0, MAX_PART)}`;

const list = (items: readonly string[]) => (items.length > 0 ? items.map((item) => `- ${item}`).join("\n") : null);

/** One line of text that means nothing to GitHub: no markup, no mention, no closing keyword with an issue, no autolink to an issue. */
export function plain(text: string): string {
  return (
    text
      .replace(/\p{Cc}+/gu, " ")
      // "Fixes https://github.com/…/issues/1" closes as well as "fixes #1".
      .replace(/(\/(?:issues|pull|discussions)\/)(?=\d)/gi, "$1\u200b")
      .replace(/[<>]/g, (bracket) => (bracket === "<" ? "&lt;" : "&gt;"))
      .replace(/@(?=[\w-])/g, "@\u200b")
      .replace(/#(?=\d)/g, "#\u200b")
      .replace(/\bGH-(?=\d)/gi, "GH\u200b-")
      .replace(/([\\`*_[\]!|])/g, "\\$1")
      .trim()
  );
}

const code = (text: string) => text.replace(/[`\p{Cc}]/gu, "").slice(0, 300);
const linkTarget = (url: string) => (/^https?:\/\/[^\s()<>]+$/.test(url) ? url : "#");
