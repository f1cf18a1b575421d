// A project's log and actors as one person may read them: every call is made with that person's token, so Convex decides what is
// seen, at every read, also after a membership has been taken away (P9).

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { api } from "../../convex/_generated/api.js";
import type { LoggedStep, StoredActor } from "./messages.ts";

/** One page, newest first. */
export interface LogPage {
  readonly steps: readonly LoggedStep[];
  /** Of the next, older page; null when this is the last. */
  readonly next: string | null;
}

export interface ProjectLog {
  /** @returns the address of the project, null when the person has none like that */
  find(project: string): Promise<string | null>;
  /** Features that have not come to rest, the agents at work on them, and the project itself, at most `MAX_LIVING`. */
  living(project: string): Promise<readonly string[]>;
  actor(address: string): Promise<StoredActor | null>;
  page(project: string, cursor: string | null): Promise<LogPage>;
  /** Calls back with the newest steps, newest first, now and after each commit in the project. @returns ends it */
  watch(project: string, onNewest: (page: LogPage) => void, onError: (error: Error) => void): () => void;
  close(): Promise<void>;
}

const PAGE_STEPS = 64;
const MAX_LIVING = 200;
const RESTING: ReadonlySet<string> = new Set(["done", "cancelled"]);
/** A watched page keeps what it has shown and grows at its new end: past this it is asked for afresh. */
const MAX_WATCHED_STEPS = 4 * PAGE_STEPS;

export function openProjectLog(convexUrl: string, token: string): ProjectLog {
  const http = new ConvexHttpClient(convexUrl, { skipConvexDeploymentUrlCheck: true, logger: false, auth: token });
  let socket: ConvexClient | null = null;
  const options = (cursor: string | null) => ({ numItems: PAGE_STEPS, cursor });
  return {
    find: async (project) => (await http.query(api.projects.get, { slug: project }))?.address ?? null,
    living: async (project) => {
      const { cards } = await http.query(api.features.board, { project });
      const moving = cards.filter(({ category }) => !RESTING.has(category)).slice(0, MAX_LIVING);
      const atWork = moving.filter(({ stage, category }) => stage !== null && category !== "queued" && category !== "ready");
      const agents = await Promise.all(
        atWork.map(async ({ key }) => (await http.query(api.features.get, { project, key }))?.agents ?? []),
      );
      const alive = agents.flat().filter(({ ended }) => !ended);
      return [project, ...moving.map(({ address }) => address), ...alive.map(({ address }) => address)].slice(0, MAX_LIVING);
    },
    actor: (address) => http.query(api.actors.get, { address }),
    page: async (project, cursor) =>
      toPage(await http.query(api.activity.ofProject, { project, paginationOpts: options(cursor) })),
    watch: (project, onNewest, onError) => {
      socket ??= openSocket(convexUrl, token);
      const client = socket;
      let end: () => void = () => {};
      let isEnded = false;
      const begin = () => {
        const subscription = client.onUpdate(
          api.activity.ofProject,
          { project, paginationOpts: options(null) },
          (result) => {
            if (isEnded) return;
            onNewest(toPage(result));
            if (result.page.length > MAX_WATCHED_STEPS) {
              subscription();
              begin();
            }
          },
          onError,
        );
        end = () => subscription();
      };
      begin();
      return () => {
        isEnded = true;
        end();
      };
    },
    close: async () => socket?.close(),
  };
}

function openSocket(convexUrl: string, token: string): ConvexClient {
  const socket = new ConvexClient(convexUrl, { skipConvexDeploymentUrlCheck: true, logger: false });
  socket.setAuth(async () => token);
  return socket;
}

const toPage = (result: { page: readonly LoggedStep[]; isDone: boolean; continueCursor: string }): LogPage => ({
  steps: result.page,
  next: result.isDone ? null : result.continueCursor,
});
