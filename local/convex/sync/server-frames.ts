// Frames the server sends, as text. Results are spliced in as the JSON they already are: they are never parsed on their way out.
import type { QueryAnswer } from "../loop/live-queries.ts";
import { clientMessage } from "../runner/failure.ts";
import type { CallResult } from "../runner/outcome.ts";

export interface Version {
  readonly querySet: number;
  readonly identity: number;
  /** ns since the epoch */
  readonly ts: bigint;
}

/** A timestamp on the wire: base64 of eight little-endian bytes. */
export function encodeTs(ts: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(ts);
  return bytes.toString("base64");
}

export function queryModification(queryId: number, answer: QueryAnswer): string {
  const tail = `"logLines":${JSON.stringify(answer.lines)},"journal":${JSON.stringify(answer.journal)}}`;
  if (answer.ok) return `{"type":"QueryUpdated","queryId":${queryId},"value":${answer.valueJson},${tail}`;
  const message = JSON.stringify(clientMessage(answer.failure, answer.requestId));
  const data = answer.failure.dataJson === null ? "" : `"errorData":${answer.failure.dataJson},`;
  return `{"type":"QueryFailed","queryId":${queryId},"errorMessage":${message},${data}${tail}`;
}

export const queryRemoved = (queryId: number): string => `{"type":"QueryRemoved","queryId":${queryId}}`;

/** @param clockSkewMs client clock minus ours, ms. Never null on the wire: clients then log nonsense on every update. */
export function transition(
  start: Version,
  end: Version,
  modifications: readonly string[],
  clockSkewMs: number,
  nowMs: number,
): string {
  return `{"type":"Transition","startVersion":${version(start)},"endVersion":${version(end)},"modifications":[${modifications.join(",")}],"clientClockSkew":${clockSkewMs},"serverTs":${nowMs * 1e6}}`;
}

const version = (v: Version): string => `{"querySet":${v.querySet},"identity":${v.identity},"ts":"${encodeTs(v.ts)}"}`;

export function response(kind: "Mutation" | "Action", requestId: number, result: CallResult): string {
  const head = `{"type":"${kind}Response","requestId":${requestId},"success":${result.ok}`;
  const lines = `"logLines":${JSON.stringify(result.lines)}}`;
  if (result.ok) {
    const ts = kind === "Mutation" ? `"ts":"${encodeTs(result.ts)}",` : "";
    return `${head},"result":${result.valueJson},${ts}${lines}`;
  }
  const data = result.failure.dataJson === null ? "" : `"errorData":${result.failure.dataJson},`;
  return `${head},"result":${JSON.stringify(clientMessage(result.failure, result.requestId))},${data}${lines}`;
}

export const authError = (error: string, baseVersion: number, authUpdateAttempted: boolean): string =>
  JSON.stringify({ type: "AuthError", error, baseVersion, authUpdateAttempted });

export const fatalError = (error: string): string => JSON.stringify({ type: "FatalError", error });

export const PING = '{"type":"Ping"}';

/** A transition above this many characters travels in parts, which the client joins; nothing may come between them. */
export const CHUNK_CHARS = 5 * 1024 * 1024;

/** The frames to send for one message. @param transitionId unique per connection */
export function chunked(text: string, transitionId: string, chunkChars = CHUNK_CHARS): string[] {
  if (text.length <= chunkChars) return [text];
  const totalParts = Math.ceil(text.length / chunkChars);
  return Array.from({ length: totalParts }, (_, partNumber) =>
    JSON.stringify({
      type: "TransitionChunk",
      chunk: text.slice(partNumber * chunkChars, (partNumber + 1) * chunkChars),
      partNumber,
      totalParts,
      transitionId,
    }),
  );
}
