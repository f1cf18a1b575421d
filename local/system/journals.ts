// What the far ends recorded, read by somebody who shares nothing with the orchestrator: nothing may be there twice.

import type { Launch } from "@omakase/local-launcher/launch";

type Entry = Readonly<Record<string, unknown>>;

async function entries(url: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let after = 0; ; ) {
    const response = await fetch(`${url}/__journal?after=${after}`, { headers: { "x-omakase-local": "1" } });
    const page = ((await response.json()) as { entries: Entry[] }).entries;
    if (page.length === 0) return all;
    all.push(...page);
    after = Number(page.at(-1)?.seq);
  }
}

/** Everything the far ends did more than once that should have happened once, in words; empty when nothing did. */
export async function findDoubles(launch: Launch): Promise<string[]> {
  const { urls } = launch.stack;
  const [ecs, github, linear] = await Promise.all([entries(urls.ecs), entries(urls.github), entries(urls.linear)]);
  return [
    ...doubled(
      ecs.filter(({ operation, result }) => operation === "RunTask" && result === "new"),
      ({ clientToken }) => `task for token ${clientToken}`,
    ),
    ...doubled(
      ecs.filter(({ operation }) => operation === "StartContainer"),
      ({ startedBy }) => `container started by ${startedBy}`,
    ),
    ...doubled(
      github.filter(({ route }) => route === "POST /repos/{owner}/{repo}/pulls"),
      ({ subject }) => `pull request of ${(subject as Entry).head}`,
    ),
    ...doubled(
      linear.filter(({ operation }) => operation === "commentCreate"),
      ({ touched }) => `comment ${firstId(touched)}`,
    ),
    ...doubled(linear.filter(isOurMove), ({ touched }) => `move ${JSON.stringify(stateChange(touched))}`),
  ];
}

function doubled(list: readonly Entry[], nameOf: (entry: Entry) => string): string[] {
  const times = new Map<string, number>();
  for (const entry of list) times.set(nameOf(entry), (times.get(nameOf(entry)) ?? 0) + 1);
  return [...times].filter(([, count]) => count > 1).map(([name, count]) => `${name}: ${count} times`);
}

interface Touched {
  readonly type: string;
  readonly id: string;
  readonly identifier?: string;
  readonly changes?: { readonly state?: readonly [string, string] };
}

const firstId = (touched: unknown) => (touched as readonly Touched[])[0]?.id;
const stateChange = (touched: unknown) => {
  const issue = (touched as readonly Touched[]).find(({ changes }) => changes?.state);
  return issue && [issue.identifier, issue.changes?.state];
};

/** A change of state made by the app: a person may move a ticket as often as they like. */
const isOurMove = ({ operation, actor, touched }: Entry) =>
  operation === "issueUpdate" &&
  (actor as { displayName?: string }).displayName?.toLowerCase() === "omakase" &&
  stateChange(touched) !== undefined;
