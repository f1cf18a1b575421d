// Turns a project's log into messages for one client.
//   F1. Only committed steps are told, each after its actor has been introduced, in the order of the log.
//   F2. A resumed feed leaves nothing out: what lies between `after` and now is told first, or the gap is.
//   F3. One reading at a time; news that come meanwhile are read next. Nothing is gathered for a client beyond one backlog.

import { actorMessage, eventMessage, type LoggedStep, positionOf, type StoredActor, snapshotMessage } from "./messages.ts";
import type { LogPage, ProjectLog } from "./project-log.ts";
import type { ServerFrame } from "./wire.ts";

export interface FeedDeps {
  readonly log: ProjectLog;
  /** The project's address. */
  readonly project: string;
  /** Position of the last step the client has seen; null: begin with what is alive now. */
  readonly after: string | null;
  readonly send: (frame: ServerFrame) => void;
  readonly onError: (error: Error) => void;
  readonly now: () => number;
}

/** Steps told of a backlog; what is older is in the transition list of the web. */
const MAX_BACKLOG = 2_000;
const READS_AT_ONCE = 8;

/** Starts the feed. @returns ends it; nothing is sent afterwards */
export function startFeed({ log, project, after, send, onError, now }: FeedDeps): () => void {
  const introduced = new Set<string>();
  let last: string | null = after;
  let isOpening = true;
  let newest: LogPage | null = null;
  let isReading = false;
  let isEnded = false;

  const tell = (frame: ServerFrame) => {
    if (!isEnded) send(frame);
  };

  const introduce = (actor: StoredActor) => {
    if (introduced.has(actor.address)) return;
    introduced.add(actor.address);
    tell(actorMessage(actor, now()));
  };

  const open = async (page: LogPage) => {
    tell({ type: "omakase.ready", project });
    last ??= page.steps[0] ? positionOf(page.steps[0]) : null;
    for (const actor of await rows(await log.living(project))) introduce(actor);
    isOpening = false;
  };

  /** What has happened since `last`, oldest first. */
  const unseen = async (page: LogPage): Promise<readonly LoggedStep[]> => {
    const found: LoggedStep[] = [];
    for (let { steps, next } = page; ; ) {
      for (const step of steps) {
        if (positionOf(step) === last) return found.reverse();
        if (found.length >= MAX_BACKLOG) {
          tell({ type: "omakase.gap", lost: "too many steps" });
          return found.reverse();
        }
        found.push(step);
      }
      if (next === null) {
        if (last !== null) tell({ type: "omakase.gap", lost: "unknown position" });
        return found.reverse();
      }
      ({ steps, next } = await log.page(project, next));
    }
  };

  const rows = async (addresses: readonly string[]): Promise<StoredActor[]> => {
    const found: StoredActor[] = [];
    for (let at = 0; at < addresses.length && !isEnded; at += READS_AT_ONCE) {
      const batch = await Promise.all(addresses.slice(at, at + READS_AT_ONCE).map((address) => log.actor(address)));
      found.push(...batch.filter((row) => row !== null));
    }
    return found;
  };

  const read = async (page: LogPage) => {
    if (isOpening) await open(page);
    const steps = await unseen(page);
    const touched = new Map((await rows([...new Set(steps.map(({ actor }) => actor))])).map((row) => [row.address, row]));
    for (const step of steps) {
      const actor = touched.get(step.actor) ?? null;
      if (actor) introduce(actor);
      tell(eventMessage(step));
      tell(snapshotMessage(step, actor));
      last = positionOf(step);
    }
  };

  const readAll = async () => {
    if (isReading) return;
    isReading = true;
    try {
      while (newest !== null && !isEnded) {
        const page: LogPage = newest;
        newest = null;
        await read(page);
      }
    } catch (error) {
      if (!isEnded) onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      isReading = false;
    }
  };

  const endWatch = log.watch(
    project,
    (page) => {
      newest = page;
      void readAll();
    },
    (error) => {
      if (!isEnded) onError(error);
    },
  );
  return () => {
    isEnded = true;
    endWatch();
  };
}
