// What stands in a commit of an agent: the ticket's key and the summary, why each file changed, and which run it was.

import { cutMiddle, visible } from "./bounded-text.ts";
import type { CoderResult } from "./roles/coder/result.ts";

export interface CommitOrigin {
  readonly ticketKey: string;
  readonly run: string;
  readonly agent: string;
}

const MAX_SUBJECT_CHARS = 72;
const MAX_BODY_BYTES = 6 * 1024;

/** @param result null for work in progress */
export function commitMessage({ ticketKey, run, agent }: CommitOrigin, result: CoderResult | null): string {
  const summary = visible(result?.summary ?? "").trim();
  const subject =
    result === null ? `wip: ${ticketKey}, cut off before it was done` : `${ticketKey}: ${firstSentence(summary) || "Changes"}`;
  const changes = (result?.changes ?? []).map(({ path, why }) => `- ${oneLine(path)}: ${oneLine(why)}`);
  const body = [summary, changes.join("\n")].filter((part) => part !== "").join("\n\n");
  // The trailers are a paragraph of their own at the end: nothing above can pass for one.
  return `${[cutSubject(subject), cutMiddle(body, MAX_BODY_BYTES), `Omakase-Run: ${run}\nOmakase-Agent: ${agent}`].filter((part) => part !== "").join("\n\n")}\n`;
}

const oneLine = (text: string): string => visible(text).replace(/\s+/g, " ").trim();
const firstSentence = (text: string): string =>
  oneLine(text)
    .match(/^.*?[.!?](?=\s|$)/)?.[0]
    .replace(/\.$/, "") ?? oneLine(text);
const cutSubject = (text: string): string =>
  text.length > MAX_SUBJECT_CHARS ? `${text.slice(0, MAX_SUBJECT_CHARS - 1).trimEnd()}…` : text;
