// What the buttons of a pull request do: the same operations as the API's, as the local person.
import { GitHubError } from "../errors.ts";
import { MAX_TEXT_LENGTH, readBounded } from "../http/input.ts";
import type { Change } from "../operations/change.ts";
import { writeComment } from "../operations/comment.ts";
import { mergePull } from "../operations/merge-pull.ts";
import { editPull, setDraft } from "../operations/open-pull.ts";
import { createReview, type Verdict } from "../operations/review.ts";
import type { Pull } from "../store/pulls.ts";

const ACTIONS = ["approve", "request-changes", "comment", "merge", "ready", "close", "reopen"] as const;
export type PageAction = (typeof ACTIONS)[number];

export interface PageForm {
  readonly token: string;
  readonly action: PageAction;
  readonly body: string;
}

/** Percent-encoding makes a letter up to nine bytes long. */
const MAX_FORM_BYTES = 10 * MAX_TEXT_LENGTH;

/** @throws {GitHubError} 413 too large, 422 for an action there is not */
export async function readForm(request: Request): Promise<PageForm> {
  const fields = new URLSearchParams(new TextDecoder().decode(await readBounded(request, MAX_FORM_BYTES)));
  const action = ACTIONS.find((known) => known === fields.get("action"));
  const body = (fields.get("body") ?? "").replaceAll("\r\n", "\n");
  if (action === undefined) throw new GitHubError(422, "This button does nothing that is known here.");
  if (body.length > MAX_TEXT_LENGTH) throw new GitHubError(422, `At most ${MAX_TEXT_LENGTH} characters can be written.`);
  return { token: fields.get("token") ?? "", action, body };
}

/** @throws {GitHubError} what the API would answer */
export async function performAction(change: Change, pull: Pull, { action, body }: PageForm): Promise<void> {
  const review = (verdict: Verdict) => createReview(change, pull, { verdict, body, commitSha: null, remarks: [] });
  const words = { title: null, body: undefined, base: null };
  switch (action) {
    case "approve":
      return void (await review("APPROVE"));
    case "request-changes":
      return void (await review("REQUEST_CHANGES"));
    case "comment":
      return void writeComment(change, pull, body);
    case "merge":
      return void (await mergePull(change, pull, { method: "merge", sha: pull.headSha, title: null, message: null }));
    case "ready":
      return void (await setDraft(change, pull, false));
    case "close":
      return void (await editPull(change, pull, { ...words, state: "closed" }));
    case "reopen":
      return void (await editPull(change, pull, { ...words, state: "open" }));
    default:
      action satisfies never;
  }
}
