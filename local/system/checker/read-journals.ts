// Reads what the local far ends wrote down of what Omakase did there. Shares nothing with the orchestrator.

import type { FarEndRecords } from "./history.ts";

export interface FarEndUrls {
  readonly ecs: string;
  readonly github: string;
  readonly linear: string;
}

type Entry = Readonly<Record<string, unknown>> & { readonly seq: number };

const TRIES = 40;
const TRY_EVERY_MS = 250;

/** @throws when one of them does not answer within 10 s */
export async function readJournals(urls: FarEndUrls): Promise<FarEndRecords> {
  const [ecs, github, linear] = await Promise.all([entries(urls.ecs), entries(urls.github), entries(urls.linear)]);
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  const made = github.filter(({ route }) => route === OPEN);
  const heads = new Map(made.map((entry) => [pullOf(entry), String((entry.subject as { head?: unknown }).head)]));
  return {
    launches: ecs
      .filter(({ operation }) => operation === "RunTask")
      .map(({ seq, result, clientToken, startedBy, overridesHash }) => ({
        seq,
        isNew: result === "new",
        clientToken: text(clientToken),
        startedBy: text(startedBy),
        overridesHash: String(overridesHash),
      })),
    started: ecs
      .filter(({ operation }) => operation === "StartContainer")
      .map(({ seq, taskArn, startedBy }) => ({ seq, taskArn: String(taskArn), startedBy: text(startedBy) })),
    pullRequests: made.map((entry) => ({ seq: entry.seq, head: heads.get(pullOf(entry)) ?? "" })),
    closings: github
      .filter(
        ({ route, actor, subject }) => route === EDIT && isApp(actor) && (subject as { state?: unknown }).state === "closed",
      )
      .map((entry) => ({ seq: entry.seq, head: heads.get(pullOf(entry)) ?? "" })),
    comments: linear
      .filter((entry) => entry.operation === "commentCreate" && isOurs(entry))
      .map(({ seq, touched }) => ({ seq, id: (touched as Touched[])[0]?.id ?? "" })),
    moves: linear
      .filter(isOurs)
      .flatMap(({ seq, operation, touched }) =>
        operation === "issueUpdate"
          ? (touched as Touched[]).flatMap(({ id, changes }) =>
              changes?.state ? [{ seq, issueId: id, to: changes.state[1] }] : [],
            )
          : [],
      ),
  };
}

const OPEN = "POST /repos/{owner}/{repo}/pulls";
const EDIT = "PATCH /repos/{owner}/{repo}/pulls/{number}";
const pullOf = ({ repository, subject }: Entry): string =>
  `${String(repository)}#${String((subject as { number?: unknown }).number)}`;
const isApp = (actor: unknown): boolean => typeof actor === "string" && actor.endsWith("[bot]");

interface Touched {
  readonly id: string;
  readonly changes?: { readonly state?: readonly [string, string] };
}

const isOurs = ({ actor }: Entry): boolean =>
  (actor as { displayName?: string } | undefined)?.displayName?.toLowerCase() === "omakase";

async function entries(url: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let after = 0; ; ) {
    const page = await journalPage(`${url}/__journal?after=${after}`);
    if (page.length === 0) return all;
    all.push(...page);
    after = page.at(-1)?.seq ?? after;
  }
}

async function journalPage(url: string): Promise<Entry[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(url, { headers: { "x-omakase-local": "1" }, signal: AbortSignal.timeout(10_000) });
      return ((await response.json()) as { entries: Entry[] }).entries;
    } catch (error) {
      if (attempt === TRIES) throw error;
      await Bun.sleep(TRY_EVERY_MS);
    }
  }
}
