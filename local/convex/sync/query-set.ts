// The queries of one session: what the client asked for, what it was told last, and which answers are stale.
import type { Identity } from "../auth/identity.ts";
import type { JsonObject } from "../engine/index.ts";
import type { LiveQueries, QueryAnswer } from "../loop/live-queries.ts";
import type { RequestOrigin } from "../runner/origin.ts";
import type { QueryModification } from "./client-frames.ts";
import { queryModification, queryRemoved } from "./server-frames.ts";

interface SessionQuery {
  readonly component: string;
  readonly path: string;
  readonly args: JsonObject;
  readonly argsJson: string;
  /** Where a paginated query's page ended; makes its next run end there too. */
  journal: string | null;
  sent: QueryAnswer | null;
  unsubscribe: (() => void) | null;
}

export class QuerySet {
  readonly #queries = new Map<number, SessionQuery>();
  readonly #stale = new Set<number>();

  constructor(
    private readonly live: LiveQueries,
    /** Called when an answer the client has is not true any more. */
    private readonly onStale: () => void,
  ) {}

  get size(): number {
    return this.#queries.size;
  }

  /** The identity changed: every query is asked again. */
  markAllStale(): void {
    for (const queryId of this.#queries.keys()) this.#stale.add(queryId);
  }

  /**
   * Applies the client's changes and answers every stale query, all in one read phase.
   * @returns the modifications to send; an answer equal to the last one sent is left out
   */
  async update(changes: readonly QueryModification[], identity: Identity, newOrigin: () => RequestOrigin): Promise<string[]> {
    const modifications = this.#apply(changes);
    const stale = [...this.#stale];
    this.#stale.clear();
    await Promise.all(
      stale.map(async (queryId) => {
        const modification = await this.#answer(queryId, identity, newOrigin());
        if (modification !== null) modifications.push(modification);
      }),
    );
    return modifications;
  }

  close(): void {
    for (const query of this.#queries.values()) query.unsubscribe?.();
    this.#queries.clear();
    this.#stale.clear();
  }

  #apply(changes: readonly QueryModification[]): string[] {
    const removed: string[] = [];
    for (const change of changes) {
      const { queryId } = change;
      const known = this.#queries.get(queryId);
      known?.unsubscribe?.();
      if (change.type === "Add") {
        const { component, path, args, journal } = change;
        const argsJson = JSON.stringify(args);
        this.#queries.set(queryId, { component, path, args, argsJson, journal, sent: null, unsubscribe: null });
        this.#stale.add(queryId);
      } else {
        this.#queries.delete(queryId);
        this.#stale.delete(queryId);
        if (known !== undefined) removed.push(queryRemoved(queryId));
      }
    }
    return removed;
  }

  async #answer(queryId: number, identity: Identity, origin: RequestOrigin): Promise<string | null> {
    const query = this.#queries.get(queryId);
    if (query === undefined) return null;
    const { component, path, args, argsJson, journal } = query;
    const result = await this.live.read({ component, path, args, argsJson, journal, identity, origin });
    if (this.#queries.get(queryId) !== query) return null; // the connection closed meanwhile
    query.unsubscribe?.();
    query.unsubscribe = this.live.subscribe(result, () => {
      query.unsubscribe = null;
      this.#stale.add(queryId);
      this.onStale();
    });
    const { answer } = result;
    query.journal = answer.journal;
    if (query.sent !== null && isSame(query.sent, answer)) return null;
    query.sent = answer;
    return queryModification(queryId, answer);
  }
}

function isSame(a: QueryAnswer, b: QueryAnswer): boolean {
  if (a === b) return true;
  if (a.journal !== b.journal || a.lines.length !== b.lines.length || a.lines.some((line, at) => line !== b.lines[at]))
    return false;
  if (a.ok) return b.ok && a.valueJson === b.valueJson;
  return !b.ok && a.failure.description === b.failure.description && a.failure.dataJson === b.failure.dataJson;
}
