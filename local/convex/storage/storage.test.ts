// File storage through the stock client and plain fetch, against a real server.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { parseRange } from "../http/storage-api.ts";
import { app } from "../testing/fixture-api.ts";
import { eventually, startFixture } from "../testing/fixture-deployment.ts";
import { UploadTokens } from "./upload-tokens.ts";

const MAX_FILE_BYTES = 40 * 1024 * 1024;
let server: Awaited<ReturnType<typeof startFixture>>;
let client: ConvexHttpClient;
beforeAll(async () => {
  server = await startFixture({ maxFileBytes: MAX_FILE_BYTES });
  client = new ConvexHttpClient(server.url, { logger: false });
});
afterAll(() => server.stop());

const sha256 = (bytes: string | Uint8Array, encoding: "hex" | "base64" = "hex") =>
  createHash("sha256").update(bytes).digest(encoding);
const blobs = () =>
  readdirSync(join(server.dir, "files"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.length > 60)
    .map((name) => name.slice(-64));

async function upload(body: RequestInit["body"], headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(await client.mutation(app.files.uploadUrl, {}), { method: "POST", body, headers });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { storageId: string }).storageId;
}
const urlOf = async (id: string) => (await client.query(app.files.look, { id })).url ?? "";

describe("an upload", () => {
  test("comes back byte for byte, with the content type it was sent with, and shows in `_storage`", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(200_000).subarray(0, 65_000));
    const id = await upload(bytes, { "content-type": "image/x-test", digest: `sha-256=${sha256(bytes, "base64")}` });
    const { url, metadata, row } = await client.query(app.files.look, { id });
    expect(row).toEqual({
      _id: id,
      _creationTime: expect.any(Number),
      sha256: sha256(bytes, "base64"),
      size: 65_000,
      contentType: "image/x-test",
    });
    expect(metadata).toMatchObject({ sha256: sha256(bytes), size: 65_000, contentType: "image/x-test" });
    const answer = await fetch(url ?? "");
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "image/x-test",
      "cache-control": "private, max-age=2592000",
      digest: `sha-256=${sha256(bytes, "base64")}`,
      "access-control-allow-origin": "*",
    });
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
  });

  test("without a content type has none; an empty one is a file like any other", async () => {
    const untyped = await client.query(app.files.look, { id: await upload(new Uint8Array([1, 2])) });
    expect(untyped.row).not.toHaveProperty("contentType");
    const empty = await fetch(await urlOf(await upload(new Uint8Array(0))));
    expect([empty.status, (await empty.text()).length]).toEqual([200, 0]);
  });

  test("whose bytes are not the announced ones is refused, and nothing of it stays", async () => {
    const before = await client.query(app.files.count, {});
    await expect(upload("not what was announced", { digest: `sha-256=${sha256("something else", "base64")}` })).rejects.toThrow(
      /400 .*do not match the given sha256/,
    );
    expect(await client.query(app.files.count, {})).toBe(before);
    expect(blobs()).not.toContain(sha256("not what was announced"));
  });

  test("needs a token of this deployment that is less than an hour old; a token serves until then", async () => {
    const post = (url: string) => fetch(url, { method: "POST", body: "x" });
    const url = await client.action(app.files.actionUploadUrl, {});
    expect((await post(url)).status).toBe(200);
    expect((await post(url)).status).toBe(200);
    for (const token of ["", "garbage", "e30.e30", `${new URL(url).searchParams.get("token")}x`]) {
      const refused = await post(`${server.url}/api/storage/upload?token=${token}`);
      expect([refused.status, await refused.json()]).toMatchObject([401, { code: "StorageTokenInvalid" }]);
    }
    const tokens = new UploadTokens(new Uint8Array(32));
    const token = tokens.issue("", 1_000_000, "n");
    expect(tokens.check(token, 1_000_000 + 3_599_000).kind).toBe("valid");
    expect(tokens.check(token, 1_000_000 + 3_601_000).kind).toBe("expired");
    expect(new UploadTokens(new Uint8Array(32).fill(1)).check(token, 1_000_000).kind).toBe("invalid");
  });

  test("above the bound is refused, said beforehand or not, and leaves no draft; one below it streams through", async () => {
    const url = await client.mutation(app.files.uploadUrl, {});
    const piece = new Uint8Array(1024 * 1024).fill(7);
    const streamed = (pieces: number) =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => (pieces-- > 0 ? controller.enqueue(piece) : controller.close()),
      });
    expect((await fetch(url, { method: "POST", body: new Blob(Array(41).fill(piece)) })).status).toBe(413);
    expect((await fetch(url, { method: "POST", body: streamed(41) })).status).toBe(413);
    const id = await upload(streamed(39));
    expect((await client.query(app.files.look, { id })).row?.size).toBe(39 * 1024 * 1024);
    await client.mutation(app.files.remove, { id });
    expect(readdirSync(join(server.dir, "files/drafts"))).toEqual([]);
  });
});

describe("a download", () => {
  test("answers ranges, HEAD and conditional requests as RFC 9110 says", async () => {
    const text = "0123456789".repeat(100);
    const url = await urlOf(await upload(text, { "content-type": "text/plain" }));
    const get = async (headers: Record<string, string>, method = "GET") => {
      const answer = await fetch(url, { headers, method });
      return [answer.status, answer.headers.get("content-range"), answer.headers.get("content-length"), await answer.text()];
    };
    expect(await get({ range: "bytes=2-5" })).toEqual([206, "bytes 2-5/1000", "4", "2345"]);
    expect(await get({ range: "bytes=995-" })).toEqual([206, "bytes 995-999/1000", "5", "56789"]);
    expect(await get({ range: "bytes=-3" })).toEqual([206, "bytes 997-999/1000", "3", "789"]);
    expect(await get({ range: "bytes=990-5000" })).toEqual([206, "bytes 990-999/1000", "10", "0123456789"]);
    expect((await get({ range: "bytes=1000-" })).slice(0, 2)).toEqual([416, "bytes */1000"]);
    expect(await get({ range: "bytes=0-1,4-5" })).toEqual([200, null, "1000", text]);
    expect(await get({}, "HEAD")).toEqual([200, null, "1000", ""]);
    const etag = `"${sha256(text)}"`;
    expect((await get({ "if-none-match": etag }))[0]).toBe(304);
    expect((await get({ "if-none-match": '"other"' }))[0]).toBe(200);
    expect((await get({ range: "bytes=0-0", "if-range": etag }))[0]).toBe(206);
    expect((await get({ range: "bytes=0-0", "if-range": '"other"' }))[0]).toBe(200);
  });

  test("a range is understood or ignored, never guessed", () => {
    const ranges = ["bytes=0-0", "bytes=-", "bytes=5-2", "bytes=-0", "bytes=-999", "items=0-1", "bytes=a-b", "bytes=99-"];
    expect(ranges.map((range) => parseRange(range, 10))).toEqual([
      [0, 0],
      null,
      null,
      "unsatisfiable",
      [0, 9],
      null,
      null,
      "unsatisfiable",
    ]);
    expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
  });

  test("by `_storage` id, by a made-up id or by a path opens nothing (H1)", async () => {
    const id = await upload("secret");
    for (const name of [id, crypto.randomUUID(), "..%2Fconvex.sqlite", sha256("secret"), ""]) {
      const answer = await fetch(`${server.url}/api/storage/${name}`);
      expect([answer.status, await answer.json()]).toMatchObject([404, { code: "FileNotFound" }]);
    }
  });
});

describe("ctx.storage", () => {
  test("in a mutation stores and reads back, and counts for its metrics; a wrong digest is refused", async () => {
    const stored = await client.mutation(app.files.storeText, { text: "from a mutation", sha256: sha256("from a mutation") });
    expect(stored).toMatchObject({ text: "from a mutation", filesWritten: 1, fileReadBytes: 15 });
    expect(stored.type).toStartWith("text/plain");
    await expect(client.mutation(app.files.storeText, { text: "a", sha256: sha256("b") })).rejects.toThrow(
      "do not match the given sha256",
    );
  });

  test("a mutation that fails after storing leaves neither row nor bytes (S1)", async () => {
    const before = await client.query(app.files.count, {});
    await expect(client.mutation(app.files.storeText, { text: "never committed", fail: true })).rejects.toThrow("failed after");
    await client.mutation(app.counters.increment, { name: "the commit that follows" });
    expect(await client.query(app.files.count, {})).toBe(before);
    expect(blobs()).not.toContain(sha256("never committed"));
  });

  test("in an action stores, reads, copies and deletes", async () => {
    const { id, copy, text, url } = await client.action(app.files.storeInAction, { text: "from an action" });
    expect(text).toBe("from an action");
    expect((await client.query(app.files.look, { id })).url).toBeNull();
    expect((await client.query(app.files.look, { id: copy })).row).toMatchObject({ contentType: "text/x-test" });
    expect(await (await fetch(url ?? "")).text()).toBe("from an action");
  });

  test("a deleted file is gone from rows, URLs and disk at once; equal contents of another file stay (B3)", async () => {
    const [first, second] = [await upload("twins"), await upload("twins")];
    const [firstUrl, secondUrl] = [await urlOf(first), await urlOf(second)];
    await client.mutation(app.files.remove, { id: first });
    expect((await fetch(firstUrl)).status).toBe(404);
    expect(await (await fetch(secondUrl)).text()).toBe("twins");
    expect(await client.query(app.files.look, { id: first })).toEqual({ url: null, metadata: null, row: null });
    await expect(client.mutation(app.files.remove, { id: first })).rejects.toThrow("does not exist");
    await client.action(app.files.removeInAction, { id: second });
    await eventually(() => !blobs().includes(sha256("twins")), "the bytes are gone");
  });

  test("a subscriber of a file's URL hears of its deletion", async () => {
    const id = await upload("watched");
    const live = new ConvexClient(server.url, { logger: false });
    const seen: (string | null)[] = [];
    live.onUpdate(app.files.look, { id }, ({ url }) => void seen.push(url));
    await eventually(() => seen.length === 1, "the URL is there");
    await client.mutation(app.files.remove, { id });
    await eventually(() => seen.at(-1) === null, "the subscriber hears of it");
    await live.close();
  });

  test("an id of another table is refused by name", async () => {
    const id = await client.mutation(app.messages.send, { channel: "x", body: "y" });
    await expect(client.query(app.files.look, { id })).rejects.toThrow("ArgumentValidationError");
  });
});
