// What a request of the orchestrator is called, and which effects it carries: read off the wire, so that nothing in the product has
// to say it.

export interface Named {
  readonly name: string;
  /** Kinds of effects asked for or settled, and "timer" for a step a timer causes. */
  readonly details: readonly string[];
}

export interface Sides {
  readonly convex: string;
  readonly linear: string;
  readonly github: string;
  readonly identity: string;
}

/** Remembers which effect is of which kind: settlements name effects by their id alone. */
export class Requests {
  private readonly kinds = new Map<string, string>();

  constructor(private readonly sides: Sides) {}

  /** Null for what is none of the far sides. */
  nameOf(url: string, method: string, body: string): Named | null {
    if (url.startsWith(this.sides.convex)) return this.convex(body);
    if (url.startsWith(this.sides.linear)) return plain(`linear.${/(?:query|mutation)\s+(\w+)/.exec(body)?.[1] ?? "request"}`);
    if (url.startsWith(this.sides.github)) return plain(`github.${method} ${githubRoute(new URL(url).pathname)}`);
    if (url.startsWith(this.sides.identity)) return plain("identity.token");
    return null;
  }

  private convex(body: string): Named | null {
    const call = parse(body);
    if (typeof call?.path !== "string") return null;
    const path = call.path.replace(/\.js:/, ":");
    const args = (Array.isArray(call.args) ? call.args[0] : call.args) as Record<string, unknown> | undefined;
    return { name: `convex.${path}`, details: this.detailsOf(path, args ?? {}) };
  }

  private detailsOf(path: string, args: Readonly<Record<string, unknown>>): string[] {
    if (path === "host:commit") {
      return listOf(args.steps).flatMap((step) => {
        const isTimer = (step.source as { kind?: string } | undefined)?.kind === "timer";
        const sequence = Number(step.expectedSequence) + 1;
        const asked = [
          ...this.remember(String(step.actor), sequence, step.effects),
          ...listOf(step.spawns).flatMap((spawn) => this.remember(String(spawn.address), 0, spawn.effects)),
        ];
        return [...(isTimer ? ["timer"] : []), ...(listOf(step.spawns).length > 0 ? ["spawn"] : []), ...asked];
      });
    }
    if (path === "host:settle")
      return listOf(args.settlements).map(({ effectId }) => this.kinds.get(String(effectId)) ?? "recovered");
    return [];
  }

  private remember(actor: string, sequence: number, effects: unknown): string[] {
    return listOf(effects).map(({ index, kind }) => {
      this.kinds.set(`${actor}:${sequence}:${index}`, String(kind));
      return String(kind);
    });
  }

  /** What a take-over loads is pending: its settlements come next. */
  loaded(answer: string): void {
    const effects = (parse(answer)?.value as { effects?: unknown } | undefined)?.effects;
    for (const { effectId, kind } of listOf(effects)) this.kinds.set(String(effectId), String(kind));
  }
}

const plain = (name: string): Named => ({ name, details: [] });

const listOf = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value : []);

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** "/repos/omakase/sample/pulls/3" as "/repos/{}/pulls/{n}". */
const githubRoute = (path: string): string =>
  path
    .replace(/^\/repos\/[^/]+\/[^/]+/, "/repos/{}")
    .replace(/\/(orgs|users)\/[^/]+/, "/$1/{}")
    .replace(/\/git\/ref\/.*/, "/git/ref/{}")
    .replace(/\/commits\/[^/]+/, "/commits/{}")
    .replace(/\/\d+/g, "/{n}");
