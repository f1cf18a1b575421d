// Opens and edits pull requests, with GitHub's refusals. Merging is in merge-pull.ts; what pushes do to them in ref-consequences.ts.
//   O1. A pull request needs two branches that exist and a commit that the base has not.
//   O2. One open pull request per head and base: a repeat is refused with "A pull request already exists".
import { type FieldError, GitHubError, validationFailed } from "../errors.ts";
import type { PullFacts } from "../git/pull-facts.ts";
import { insertPull, openPullFor, type Pull, patchPull } from "../store/pulls.ts";
import { takeNumber } from "../store/repositories.ts";
import { nowIso } from "../world.ts";
import { type Change, journal } from "./change.ts";
import { tellPull } from "./tell-pull.ts";

export interface NewPull {
  readonly title: string;
  readonly body: string | null;
  /** `branch` or `owner:branch`. */
  readonly head: string;
  readonly base: string;
  readonly draft: boolean;
}

const about = (error: Omit<Exclude<FieldError, string>, "resource">): FieldError => ({ resource: "PullRequest", ...error });

/** @throws {GitHubError} 422 as GitHub words it */
export async function openPull(change: Change, input: NewPull): Promise<{ pull: Pull; facts: PullFacts }> {
  const { world, repository, git, actor } = change;
  if (input.title.trim() === "") throw validationFailed({ resource: "Issue", code: "missing_field", field: "title" });
  const headRef = headBranch(input.head, repository.ownerLogin);
  const [headSha, baseSha] = await Promise.all([headRef === null ? null : git.branch(headRef), git.branch(input.base)]);
  const wrong = [...(headSha === null ? ["head"] : []), ...(baseSha === null ? ["base"] : [])];
  if (headRef === null || headSha === null || baseSha === null)
    throw validationFailed(...wrong.map((field) => about({ field, code: "invalid" })));
  refuseDuplicate(change, headRef, input.base);
  await refuseEmpty(change, { headRef, headSha, baseRef: input.base, baseSha });
  const facts = await world.facts.of(git, baseSha, headSha);
  await git.updateRef(`refs/pull/${repository.nextNumber}/head`, headSha);
  const pull = world.db.transaction(() => {
    const stored = insertPull(world.db, {
      repositoryId: repository.id,
      number: takeNumber(world.db, repository.id),
      title: input.title,
      body: input.body,
      authorId: actor.id,
      headRef,
      headSha,
      baseRef: input.base,
      baseSha,
      draft: input.draft,
      at: nowIso(world),
    });
    journal(change, { number: stored.number, head: headRef, base: input.base, headSha });
    tellPull(change, "opened", stored, facts);
    return stored;
  })();
  return { pull, facts };
}

export interface PullEdit {
  readonly title: string | null;
  readonly body: string | undefined;
  readonly state: "open" | "closed" | null;
  readonly base: string | null;
}

/** Changes title, body, base or state; what is not given stays. @throws {GitHubError} 422 */
export async function editPull(change: Change, pull: Pull, edit: PullEdit): Promise<Pull> {
  const { world, git } = change;
  if (edit.title?.trim() === "") throw validationFailed({ resource: "Issue", code: "missing_field", field: "title" });
  const base = edit.base === null || edit.base === pull.baseRef ? null : await newBase(change, pull, edit.base);
  const state = edit.state === null || edit.state === pull.state ? null : edit.state;
  const head = state === "open" ? await reopenable(change, pull) : null;
  const baseRef = base?.ref ?? pull.baseRef;
  const headSha = head?.headSha ?? pull.headSha;
  const baseSha = base?.sha ?? head?.baseSha ?? pull.baseSha;
  const facts = await world.facts.of(git, baseSha, headSha);
  const changes = {
    ...(edit.title === null || edit.title === pull.title ? {} : { title: { from: pull.title } }),
    ...(edit.body === undefined || edit.body === pull.body ? {} : { body: { from: pull.body ?? "" } }),
    ...(base === null ? {} : { base: { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } } }),
  };
  if (Object.keys(changes).length === 0 && state === null) return pull;
  if (head !== null) await git.updateRef(`refs/pull/${pull.number}/head`, headSha); // the branch may have moved while it was closed
  return world.db.transaction(() => {
    const at = nowIso(world);
    const words = { title: edit.title ?? pull.title, body: edit.body === undefined ? pull.body : edit.body };
    const closing = state === null ? {} : { state, closedAt: state === "closed" ? at : null };
    const next = patchPull(world.db, pull, { ...words, ...closing, baseRef, baseSha, headSha }, at);
    journal(change, { number: pull.number, edited: Object.keys(changes).join(","), state: next.state, base: next.baseRef });
    if (Object.keys(changes).length > 0) tellPull(change, "edited", next, facts, { changes });
    if (state !== null) tellPull(change, state === "closed" ? "closed" : "reopened", next, facts);
    return next;
  })();
}

/** Safe to repeat. */
export async function setDraft(change: Change, pull: Pull, draft: boolean): Promise<Pull> {
  const { world, git } = change;
  if ((pull.draft === 1) === draft) return pull;
  const facts = await world.facts.of(git, pull.baseSha, pull.headSha);
  return world.db.transaction(() => {
    const next = patchPull(world.db, pull, { draft: draft ? 1 : 0 }, nowIso(world));
    journal(change, { number: pull.number, draft });
    tellPull(change, draft ? "converted_to_draft" : "ready_for_review", next, facts);
    return next;
  })();
}

function headBranch(head: string, owner: string): string | null {
  const colon = head.indexOf(":");
  if (colon === -1) return head;
  return head.slice(0, colon).toLowerCase() === owner.toLowerCase() ? head.slice(colon + 1) : null;
}

function refuseDuplicate({ world, repository }: Change, headRef: string, baseRef: string): void {
  if (openPullFor(world.db, repository.id, headRef, baseRef) === null) return;
  throw validationFailed(
    about({ code: "custom", message: `A pull request already exists for ${repository.ownerLogin}:${headRef}.` }),
  );
}

interface Ends {
  readonly headRef: string;
  readonly headSha: string;
  readonly baseRef: string;
  readonly baseSha: string;
}

async function refuseEmpty({ git }: Change, { headRef, headSha, baseRef, baseSha }: Ends): Promise<void> {
  const mergeBase = await git.mergeBase(baseSha, headSha);
  if (mergeBase === headSha)
    throw validationFailed(about({ code: "custom", message: `No commits between ${baseRef} and ${headRef}` }));
  if (mergeBase !== null) return;
  throw validationFailed(about({ code: "custom", message: `The ${headRef} branch has no history in common with ${baseRef}` }));
}

async function newBase(change: Change, pull: Pull, ref: string): Promise<{ ref: string; sha: string }> {
  if (pull.state === "closed")
    throw validationFailed(
      about({ field: "base", code: "invalid", message: "Cannot change the base branch of a closed pull request." }),
    );
  const sha = await change.git.branch(ref);
  if (sha === null) throw validationFailed(about({ field: "base", code: "invalid" }));
  refuseDuplicate(change, pull.headRef, ref);
  await refuseEmpty(change, { headRef: pull.headRef, headSha: pull.headSha, baseRef: ref, baseSha: sha });
  return { ref, sha };
}

async function reopenable(change: Change, pull: Pull): Promise<Pick<Ends, "headSha" | "baseSha">> {
  const refuse = (why: string) =>
    validationFailed(about({ field: "state", code: "invalid", message: `state cannot be changed. ${why}` }));
  if (pull.mergedAt !== null) throw refuse("The pull request cannot be reopened.");
  const headSha = await change.git.branch(pull.headRef);
  const baseSha = await change.git.branch(pull.baseRef);
  if (headSha === null) throw refuse(`The ${pull.headRef} branch has been deleted.`);
  if (baseSha === null) throw refuse(`The ${pull.baseRef} branch has been deleted.`);
  if (openPullFor(change.world.db, pull.repositoryId, pull.headRef, pull.baseRef) !== null) {
    throw refuse(`There is already an open pull request from ${pull.headRef} to ${pull.baseRef}.`);
  }
  if (await change.git.isAncestor(headSha, baseSha)) throw refuse(`There are no new commits on the ${pull.headRef} branch.`);
  return { headSha, baseSha };
}

/** The pull request behind a number. @throws {GitHubError} 404 */
export function required(pull: Pull | null): Pull {
  if (pull === null) throw new GitHubError(404, "Not Found");
  return pull;
}
