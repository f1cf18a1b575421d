// CloudWatch Logs, as far as reading what a task wrote needs it.
import { ACCOUNT, REGION } from "../domain/arn.ts";
import { invalidParameter, resourceNotFound } from "../errors.ts";
import type { LogEvent, LogStream } from "../store/logs.ts";
import { EVENT_OVERHEAD_BYTES } from "../tasks/output.ts";
import { type Fields, pagePosition, pageToken } from "./fields.ts";
import type { Operation, World } from "./world.ts";

const MAX_EVENTS = 10_000;
/** CloudWatch answers at most 1 MB at once. */
const MAX_PAGE_BYTES = 1_000_000;
/** Streams one FilterLogEvents looks into. */
const MAX_STREAMS = 100;

/** Group names may come as `logGroupName` or as an ARN in `logGroupIdentifier`. */
function groupOf(request: Fields): string {
  const name = request.text("logGroupName") ?? request.text("logGroupIdentifier")?.split(":log-group:").at(-1);
  if (!name) throw invalidParameter("logGroupName cannot be empty.");
  return name.replace(/:\*$/, "");
}

function existingStream({ store }: World, group: string, name: string): LogStream {
  const stream = store.logs.stream(group, name);
  if (!stream) throw resourceNotFound("The specified log stream does not exist.");
  return stream;
}

/** As many of the events, in their order, as one answer may hold; at least one. */
function fitting(events: readonly LogEvent[]): LogEvent[] {
  let bytes = 0;
  const end = events.findIndex(({ message }, index) => {
    bytes += Buffer.byteLength(message) + EVENT_OVERHEAD_BYTES;
    return index > 0 && bytes > MAX_PAGE_BYTES;
  });
  return events.slice(0, end === -1 ? events.length : end);
}

const tokenOf = (direction: "f" | "b", seq: number): string => `${direction}/${String(seq).padStart(16, "0")}`;

/** A forward token says which event comes next, a backward one which came first. A token that repeats means the end. */
export const getLogEvents: Operation = (world, request) => {
  const stream = existingStream(world, groupOf(request), request.requiredText("logStreamName"));
  world.lifecycle.output.take(stream.taskId);
  const limit = request.integerWithin("limit", 1, MAX_EVENTS, MAX_EVENTS);
  const startMs = request.integer("startTime") ?? 0;
  const endMs = request.integer("endTime") ?? Number.MAX_SAFE_INTEGER;
  const token = request.text("nextToken");
  const match = /^([fb])\/(\d{16})$/.exec(token ?? "");
  if (token !== undefined && !match) throw invalidParameter("The specified nextToken is invalid.");
  const { count } = world.store.logs.boundsOf(stream);
  const isForward = match ? match[1] === "f" : request.flag("startFromHead") === true;
  const position = match ? Number(match[2]) : isForward ? 0 : count;
  const from = isForward ? position : Math.max(0, position - limit);
  const wanted = isForward ? limit : position - from;
  const found = wanted === 0 ? [] : world.store.logs.read(stream, from, startMs, endMs, wanted);
  // Backwards, the newest are the ones to keep.
  const events = isForward ? fitting(found) : fitting(found.toReversed()).reverse();
  const first = events[0]?.seq ?? position;
  const next = (events.at(-1)?.seq ?? position - 1) + 1;
  return {
    events: events.map(({ timestamp, message }) => ({ timestamp, ingestionTime: timestamp, message })),
    nextForwardToken: tokenOf("f", next),
    nextBackwardToken: tokenOf("b", first),
  };
};

/** Plain words only: every one of them must be in the message. CloudWatch's pattern language is refused, not misread. */
function readPattern(request: Fields): string[] {
  const pattern = request.text("filterPattern")?.trim() ?? "";
  if (/^[{[%]|[?*]|(^|\s)-/.test(pattern))
    throw invalidParameter("Only plain words and quoted phrases can be filtered for here.");
  return [...pattern.matchAll(/"([^"]*)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? "");
}

export const filterLogEvents: Operation = (world, request) => {
  const { store } = world;
  const group = groupOf(request);
  const names = request.texts("logStreamNames");
  const streams =
    names.length > 0
      ? names.map((name) => existingStream(world, group, name))
      : store.logs.streams(group, request.text("logStreamNamePrefix") ?? "", 0, MAX_STREAMS);
  for (const { taskId } of streams) world.lifecycle.output.take(taskId);
  if (streams.length === 0 && store.logs.groups(group).every(({ name }) => name !== group)) {
    throw resourceNotFound("The specified log group does not exist.");
  }
  const limit = request.integerWithin("limit", 1, MAX_EVENTS, MAX_EVENTS);
  const words = readPattern(request);
  const startMs = request.integer("startTime") ?? 0;
  const endMs = request.integer("endTime") ?? Number.MAX_SAFE_INTEGER;
  const from = pagePosition(request.text("nextToken"));
  const matching = streams
    .flatMap((stream) => store.logs.read(stream, 0, startMs, endMs, MAX_EVENTS).map((event) => ({ stream, event })))
    .filter(({ event }) => words.every((word) => event.message.includes(word)))
    .sort((a, b) => a.event.timestamp - b.event.timestamp || a.stream.id - b.stream.id || a.event.seq - b.event.seq);
  const page = matching.slice(from, from + limit);
  return {
    events: page.map(({ stream, event: { seq, timestamp, message } }) => ({
      logStreamName: stream.streamName,
      timestamp,
      ingestionTime: timestamp,
      message,
      eventId: `${stream.id}-${seq}`,
    })),
    searchedLogStreams: [],
    ...(from + limit < matching.length ? { nextToken: pageToken(from + limit) } : {}),
  };
};

export const describeLogStreams: Operation = ({ store }, request) => {
  const group = groupOf(request);
  if (store.logs.groups(group).every(({ name }) => name !== group))
    throw resourceNotFound("The specified log group does not exist.");
  const limit = request.integerWithin("limit", 1, 50, 50);
  const rows = store.logs.streams(
    group,
    request.text("logStreamNamePrefix") ?? "",
    pagePosition(request.text("nextToken")),
    limit + 1,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    logStreams: page.map((stream) => {
      const { first, last: newest } = store.logs.boundsOf(stream);
      return {
        logStreamName: stream.streamName,
        creationTime: stream.createdAtMs,
        arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${group}:log-stream:${stream.streamName}`,
        storedBytes: 0,
        ...(first === null || newest === null
          ? {}
          : { firstEventTimestamp: first, lastEventTimestamp: newest, lastIngestionTime: newest }),
      };
    }),
    ...(rows.length > limit && last ? { nextToken: pageToken(last.id) } : {}),
  };
};

export const describeLogGroups: Operation = ({ store }, request) => ({
  logGroups: store.logs.groups(request.text("logGroupNamePrefix") ?? "").map(({ name, createdAtMs, storedBytes }) => ({
    logGroupName: name,
    creationTime: createdAtMs,
    storedBytes,
    arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${name}:*`,
    metricFilterCount: 0,
  })),
});
