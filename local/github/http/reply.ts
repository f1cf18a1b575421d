// Turns what a route answers into a response: JSON, GitHub's headers, ETags with 304, error bodies, pages of lists.
import { createHash, randomBytes } from "node:crypto";
import type { GitHubError } from "../errors.ts";

export interface Reply {
  readonly status: number;
  /** Sent as JSON, unless `contentType` says otherwise; null for an empty answer. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({ status: 200, body, headers });
export const created = (body: unknown): Reply => ({ status: 201, body });
export const empty = (status = 204): Reply => ({ status, body: null });
export const text = (body: string | Uint8Array, contentType: string): Reply => ({ status: 200, body, contentType });

const DOCUMENTATION = "https://docs.github.com/rest";

/** The shape of GitHub's own request ids; unique enough to find a request in a log. */
export const newRequestId = () => {
  const part = (bytes: number) => randomBytes(bytes).toString("hex").toUpperCase();
  return `${part(2)}:${part(3)}:${part(4)}:${part(4)}:${part(4)}`;
};

/** A response for a reply. A GET of 200 carries an ETag and becomes 304 when the caller has it already. */
export function respond(reply: Reply, request: Request): Response {
  const headers = new Headers({
    "x-github-media-type": "github.v3; format=json",
    "x-github-api-version-selected": "2022-11-28",
    ...reply.headers,
  });
  if (reply.body === null) return new Response(null, { status: reply.status, headers });
  const raw = reply.contentType !== undefined && (typeof reply.body === "string" || reply.body instanceof Uint8Array);
  const bytes = raw ? Buffer.from(reply.body as string | Uint8Array) : Buffer.from(JSON.stringify(reply.body));
  headers.set("content-type", reply.contentType ?? "application/json; charset=utf-8");
  if (request.method === "GET" && reply.status === 200) {
    const etag = `W/"${createHash("sha256").update(bytes).digest("hex")}"`;
    headers.set("etag", etag);
    headers.set("cache-control", "private, max-age=60, s-maxage=60");
    headers.set("vary", "Accept, Authorization, Cookie, X-GitHub-OTP");
    const known = request.headers
      .get("if-none-match")
      ?.split(",")
      .map((tag) => tag.trim().replace(/^W\//, ""));
    if (known?.includes(etag.slice(2))) return new Response(null, { status: 304, headers });
  }
  return new Response(bytes, { status: reply.status, headers });
}

export const errorReply = (error: GitHubError): Reply => ({
  status: error.status,
  body: {
    message: error.message,
    ...(error.details.errors === undefined ? {} : { errors: error.details.errors }),
    documentation_url: error.details.documentationUrl ?? DOCUMENTATION,
    status: String(error.status),
  },
  ...(error.details.headers === undefined ? {} : { headers: error.details.headers }),
});

export interface Page {
  readonly page: number;
  readonly limit: number;
  readonly offset: number;
}

/** `page` and `per_page` as GitHub reads them: 30 a page, 100 at most, nonsense ignored. */
export function pageOf(query: URLSearchParams): Page {
  const whole = (name: string, fallback: number) => {
    const value = Number(query.get(name) ?? fallback);
    return Number.isSafeInteger(value) && value > 0 ? value : fallback;
  };
  const limit = Math.min(100, whole("per_page", 30));
  const page = Math.min(100_000, whole("page", 1));
  return { page, limit, offset: (page - 1) * limit };
}

export const slice = <Row>(rows: readonly Row[], page: Page): Row[] => rows.slice(page.offset, page.offset + page.limit);

/** The `Link` header of a list of `total` rows; nothing when it fits on one page. */
export function linkHeader(url: URL, page: Page, total: number): Record<string, string> {
  const last = Math.max(1, Math.ceil(total / page.limit));
  const to = (target: number, rel: string) => {
    const next = new URL(url);
    next.searchParams.set("page", String(target));
    return `<${next.href}>; rel="${rel}"`;
  };
  const links = [
    ...(page.page > 1 ? [to(page.page - 1, "prev")] : []),
    ...(page.page < last ? [to(page.page + 1, "next"), to(last, "last")] : []),
    ...(page.page > 1 ? [to(1, "first")] : []),
  ];
  return links.length === 0 ? {} : { link: links.join(", ") };
}
