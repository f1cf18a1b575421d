// Files over HTTP: uploads to the URLs `generateUploadUrl` made, and downloads by the URLs `getUrl` gave.
//   H1. A file's URL is its key: a random UUID nobody can guess. The `_storage` id opens nothing.
//   H2. Contents never change, so the sha256 is the entity tag.

import type { Log } from "../ops/log.ts";
import { nowMs } from "../runner/real-globals.ts";
import { BlobTooLarge } from "../storage/blob-folder.ts";
import type { StoredFile } from "../storage/file-rows.ts";
import { DigestMismatch, type FileStorage } from "../storage/file-storage.ts";
import { badRequest, CORS, HttpError, json } from "./replies.ts";

const MAX_UPLOADS = 64;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class StorageApi {
  #uploads = 0;

  constructor(private readonly deps: { readonly files: FileStorage; readonly log: Log }) {}

  /** @param route the part after `/api/storage/`. @throws {HttpError} */
  async handle(route: string, url: URL, request: Request): Promise<Response> {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (route !== "upload") {
      if (!isRead) throw new HttpError(405, "MethodNotAllowed", "A file's URL answers GET and HEAD.");
      return this.#download(route, request);
    }
    if (request.method !== "POST") throw new HttpError(405, "MethodNotAllowed", "Send the file to its upload URL with POST.");
    return this.#upload(url, request);
  }

  async #upload(url: URL, request: Request): Promise<Response> {
    const { files } = this.deps;
    const verdict = files.tokens.check(url.searchParams.get("token") ?? "", nowMs());
    if (verdict.kind === "invalid")
      throw new HttpError(401, "StorageTokenInvalid", "Storage token is invalid. Ask for a new upload URL.");
    if (verdict.kind === "expired")
      throw new HttpError(401, "StorageTokenExpired", "Storage token expired. Ask for a new upload URL.");
    if (Number(request.headers.get("content-length") ?? 0) > files.maxFileBytes) throw tooLarge(files.maxFileBytes);
    if (this.#uploads >= MAX_UPLOADS)
      throw new HttpError(503, "TooManyConcurrentRequests", "Too many uploads are running. Please try again shortly.");
    this.#uploads += 1;
    try {
      const storageId = await files.upload(request.body ?? new Blob([]).stream(), {
        component: verdict.component,
        contentType: request.headers.get("content-type"),
        sha256: announcedSha256(request.headers.get("digest")),
      });
      return json({ storageId });
    } catch (error) {
      if (error instanceof BlobTooLarge) throw tooLarge(error.maxBytes);
      if (error instanceof DigestMismatch) throw badRequest(error.message);
      throw error;
    } finally {
      this.#uploads -= 1;
    }
  }

  async #download(uuid: string, request: Request): Promise<Response> {
    const file = UUID.test(uuid) ? await this.deps.files.findByUuid(uuid) : null; // H1
    if (file === null) throw new HttpError(404, "FileNotFound", `File ${uuid.slice(0, 64)} not found`);
    const bytes = Bun.file(this.deps.files.pathOf(file));
    if (!(await bytes.exists())) {
      this.deps.log.error("storage.blobMissing", { storageId: file.storageId, sha256: file.sha256 });
      throw new HttpError(
        500,
        "FileLost",
        "The bytes of this file are missing on the deployment's disk. Restore them from a backup.",
      );
    }
    const headers = headersOf(file);
    const tag = headers.etag ?? "";
    if (matches(request.headers.get("if-none-match"), tag)) return new Response(null, { status: 304, headers });
    const ifRange = request.headers.get("if-range");
    const range = ifRange === null || ifRange === tag ? parseRange(request.headers.get("range"), file.size) : null;
    if (range === "unsatisfiable") {
      return new Response(null, { status: 416, headers: { ...CORS, "content-range": `bytes */${file.size}` } });
    }
    const [from, to] = range ?? [0, file.size - 1];
    headers["content-length"] = String(to - from + 1);
    if (range !== null) headers["content-range"] = `bytes ${from}-${to}/${file.size}`;
    const body = request.method === "HEAD" || file.size === 0 ? null : bytes.slice(from, to + 1).stream();
    return new Response(body, { status: range === null ? 200 : 206, headers });
  }
}

function headersOf(file: StoredFile): Record<string, string> {
  return {
    ...CORS,
    ...(file.contentType === null ? {} : { "content-type": file.contentType }),
    "cache-control": "private, max-age=2592000",
    "accept-ranges": "bytes",
    etag: `"${file.sha256}"`, // H2
    digest: `sha-256=${Buffer.from(file.sha256, "hex").toString("base64")}`,
  };
}

const matches = (header: string | null, tag: string): boolean =>
  (header ?? "").split(",").some((candidate) => ["*", tag, `W/${tag}`].includes(candidate.trim()));

/**
 * One range of bytes, both ends included. Null: all of it, also for several ranges or what is no range at all (RFC 9110 lets a
 * server answer those in full).
 */
export function parseRange(header: string | null, size: number): readonly [number, number] | "unsatisfiable" | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (match === null) return null;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return null;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return null;
  return from >= size || from > to ? "unsatisfiable" : [from, to];
}

/** `Digest: sha-256=<base64>`; other algorithms are not checked. @throws {HttpError} */
function announcedSha256(header: string | null): string | null {
  const value = /(?:^|,)\s*sha-256=([^,\s]+)/i.exec(header ?? "")?.[1];
  if (value === undefined) return null;
  const bytes = Buffer.from(value, "base64");
  if (bytes.length !== 32) throw badRequest("The Digest header must be `sha-256=<base64 of 32 bytes>`.");
  return bytes.toString("hex");
}

const tooLarge = (maxBytes: number): HttpError =>
  new HttpError(413, "PayloadTooLarge", `A file may have at most ${maxBytes} bytes.`);
