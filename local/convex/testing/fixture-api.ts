// Function references of the fixture app, by name: tests are clients like any other and do not import its code.
import { makeFunctionReference } from "convex/server";

type Message = { _id: string; _creationTime: number; channel: string; body: string; author?: string };
type Page = { page: Message[]; isDone: boolean; continueCursor: string };

type StoredFileView = {
  url: string | null;
  metadata: { storageId: string; sha256: string; size: number; contentType: string | null } | null;
  row: { _id: string; _creationTime: number; sha256: string; size: number; contentType?: string } | null;
};
type StoredText = { id: string; text?: string; type?: string; filesWritten: number; fileReadBytes: number };

const query = <Args extends Record<string, unknown>, Result>(name: string) => makeFunctionReference<"query", Args, Result>(name);
const mutation = <Args extends Record<string, unknown>, Result>(name: string) =>
  makeFunctionReference<"mutation", Args, Result>(name);
const action = <Args extends Record<string, unknown>, Result>(name: string) =>
  makeFunctionReference<"action", Args, Result>(name);

type None = Record<string, never>;
type PaginationOpts = { numItems: number; cursor: string | null; endCursor?: string | null; id?: number };

export const app = {
  messages: {
    list: query<{ channel: string }, Message[]>("messages:list"),
    latest: query<{ channel: string; count: number }, Message[]>("messages:latest"),
    page: query<{ channel: string; paginationOpts: PaginationOpts }, Page>("messages:page"),
    first: query<{ channel: string }, string>("messages:first"),
    send: mutation<{ channel: string; body: string }, string>("messages:send"),
    remove: mutation<{ id: string }, null>("messages:remove"),
    whoAmI: query<None, Record<string, unknown> | null>("messages:whoAmI"),
    sendAsMe: mutation<{ channel: string; body: string }, string>("messages:sendAsMe"),
    secret: query<None, string>("messages:secret"),
    sendWithFailingPart: mutation<{ channel: string }, { caught: unknown; message?: string }>("messages:sendWithFailingPart"),
  },
  counters: {
    get: query<{ name: string }, number>("counters:get"),
    increment: mutation<{ name: string }, number>("counters:increment"),
    transfer: mutation<{ from: string; to: string }, null>("counters:transfer"),
    incrementLater: mutation<{ name: string; delayMs: number }, string>("counters:incrementLater"),
    countMessages: query<{ channel: string }, number>("counters:countMessages"),
    countLedger: query<{ key: string }, number>("counters:countLedger"),
  },
  jobs: {
    status: query<{ id: string }, { state: { kind: string; error?: string }; completedTime?: number; name: string } | null>(
      "jobs:status",
    ),
    cancel: mutation<{ id: string }, null>("jobs:cancel"),
    failLater: mutation<None, string>("jobs:failLater"),
    actLater: mutation<{ key: string }, string>("jobs:actLater"),
    waitLater: mutation<{ channel: string }, string>("jobs:waitLater"),
    wait: action<{ ms: number }, string>("jobs:wait"),
    sum: action<{ a: number; b: number }, number>("jobs:sum"),
  },
  files: {
    uploadUrl: mutation<None, string>("files:uploadUrl"),
    actionUploadUrl: action<None, string>("files:actionUploadUrl"),
    look: query<{ id: string }, StoredFileView>("files:look"),
    count: query<None, number>("files:count"),
    urls: query<None, string[]>("files:urls"),
    remove: mutation<{ id: string }, null>("files:remove"),
    removeInAction: action<{ id: string }, null>("files:removeInAction"),
    storeText: mutation<{ text: string; sha256?: string; fail?: boolean }, StoredText>("files:storeText"),
    storeInAction: action<{ text: string }, { id: string; copy: string; text: string; url: string | null }>(
      "files:storeInAction",
    ),
  },
  hostile: {
    inQuery: query<{ how: string }, unknown>("hostile:inQuery"),
    inMutation: mutation<{ how: string }, unknown>("hostile:inMutation"),
    inAction: action<{ how: string }, unknown>("hostile:inAction"),
    readForever: query<None, null>("hostile:readForever"),
    waitForever: action<None, null>("hostile:waitForever"),
  },
  memory: {
    countInQuery: query<None, [number, number]>("memory:countInQuery"),
    countInMutation: mutation<None, [number, number]>("memory:countInMutation"),
    countInAction: action<None, [number, number]>("memory:countInAction"),
  },
  surroundings: {
    clock: query<None, { moved: number; dated: number; isDate: boolean }>("surroundings:clock"),
    variable: query<{ name: string }, string | null>("surroundings:variable"),
    fetchInQuery: query<None, string>("surroundings:fetchInQuery"),
    timerInMutation: mutation<None, null>("surroundings:timerInMutation"),
    assignGlobals: mutation<None, number>("surroundings:assignGlobals"),
    randoms: query<None, [number, number, string]>("surroundings:randoms"),
    never: mutation<None, null>("surroundings:never"),
    spin: mutation<None, null>("surroundings:spin"),
    spinLater: mutation<None, string>("surroundings:spinLater"),
    throwText: query<None, null>("surroundings:throwText"),
    throwLater: action<None, null>("surroundings:throwLater"),
    signToken: mutation<{ claims: string; expiresInSeconds: number }, string>("surroundings:signToken"),
    strange: query<None, null>("surroundings:strange"),
    auditLog: query<None, null>("surroundings:auditLog"),
    big: query<{ chars: number }, string>("surroundings:big"),
  },
};
