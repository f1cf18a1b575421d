// The web pages, as a browser and as an enemy see them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { REPOSITORY, TestGitHub } from "../contract/setup.ts";
import { html } from "./html.ts";

const github = new TestGitHub();
beforeAll(() => github.start());
afterAll(() => github.stop());

let pulls = 0;

/** A fresh pull request and its page's path. */
async function aPull(title = "A title", body = "A body") {
  const head = `page-${pulls++}`;
  await github.push(head, { [`${head}.txt`]: "<b>bold</b>\n" });
  const { number } = (await github.app().pulls.create({ ...REPOSITORY, head, base: "main", title, body })).data;
  return { number, path: `/omakase/demo/pull/${number}` };
}

/** Opens a page as a browser would: the cookie and the form's token. */
async function opened(path: string) {
  const page = await fetch(github.url + path);
  const text = await page.text();
  const cookie = page.headers.get("set-cookie")?.split(";")[0] ?? "";
  return { text, cookie, token: /name="token" value="([^"]+)"/.exec(text)?.[1] ?? "", page };
}

const press = (path: string, fields: Record<string, string>, headers: Record<string, string>) =>
  fetch(github.url + path, { method: "POST", body: new URLSearchParams(fields), headers, redirect: "manual" });

const get = async (number: number) => (await github.app().pulls.get({ ...REPOSITORY, pull_number: number })).data;

describe("the pages", () => {
  test("show repositories, branches, pull requests, files, commits and a coloured diff", async () => {
    const { path } = await aPull("Shown title");
    const text = async (at: string) => (await fetch(github.url + at)).text();
    expect(await text("/")).toContain('<a href="/omakase/demo"><b>omakase/demo</b></a>');
    expect(await text("/omakase/demo")).toContain("Shown title");
    expect(await text("/omakase/demo/tree/main")).toContain("/omakase/demo/blob/main/README.md");
    expect(await text("/omakase/demo/blob/main/README.md")).toContain("# omakase/demo");
    const page = await text(path);
    expect(page).toContain('<tr class="added"><td class="n"></td><td class="n">1</td><td>+&lt;b&gt;bold&lt;/b&gt;</td></tr>');
    const commit = /\/omakase\/demo\/commit\/([0-9a-f]{40})/.exec(page)?.[0] ?? "";
    expect(await text(commit)).toContain("+&lt;b&gt;bold&lt;/b&gt;");
    expect(await text(`${path}.diff`)).toStartWith("diff --git");
    const nowhere = await fetch(`${github.url}/omakase/nowhere`, { headers: { accept: "text/html" } });
    expect([nowhere.status, nowhere.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(await (await fetch(`${github.url}/search/repositories`)).json()).toMatchObject({ message: "Not Found" });
    expect((await fetch(`${github.url}/omakase/demo/pull/999`)).status).toBe(404);
  });

  test("escape whatever strangers wrote, run no script, and cannot be framed", async () => {
    const evil = `<script>alert(1)</script>"'&`;
    const { path, number } = await aPull(evil, evil);
    await github.app().issues.createComment({ ...REPOSITORY, issue_number: number, body: evil });
    const { text, page } = await opened(path);
    expect(text).not.toContain("<script");
    expect(text.split("&lt;script&gt;alert(1)&lt;/script&gt;").length).toBeGreaterThan(3);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(html`<a title="${`"><img src=x>`}">${html`<i>`}${null}${[html`1`, "<"]}</a>`.text).toBe(
      '<a title="&quot;&gt;&lt;img src=x&gt;"><i>1&lt;</a>',
    );
  });
});

describe("the buttons", () => {
  test("let dana ask for changes, approve, comment, close, reopen and merge", async () => {
    const { path, number } = await aPull();
    const { cookie, token } = await opened(path);
    const pressed = (action: string, body = "") => press(path, { token, action, body }, { cookie, origin: github.url });
    for (const [action, body] of [
      ["request-changes", "please\r\nchange"],
      ["approve", ""],
      ["comment", "well done"],
      ["close", ""],
      ["reopen", ""],
      ["merge", ""],
    ] as const) {
      const answer = await pressed(action, body);
      expect([action, answer.status, answer.headers.get("location")]).toEqual([action, 303, path]);
    }
    expect(await get(number)).toMatchObject({ merged: true, merged_by: { login: "dana" }, comments: 1 });
    const reviews = (await github.app().pulls.listReviews({ ...REPOSITORY, pull_number: number })).data;
    expect(reviews.map((review) => [review.user?.login, review.state, review.body])).toEqual([
      ["dana", "CHANGES_REQUESTED", "please\nchange"],
      ["dana", "APPROVED", ""],
    ]);
  });

  test("show what GitHub refuses on the page itself", async () => {
    const { path, number } = await aPull();
    const { cookie, token } = await opened(path);
    const answer = await press(path, { token, action: "request-changes", body: "" }, { cookie });
    expect([answer.status, await answer.text()]).toEqual([
      422,
      expect.stringContaining("You need to leave a comment indicating the requested changes."),
    ]);
    expect((await press(path, { token, action: "explode" }, { cookie })).status).toBe(422);
    expect((await press(path, { token, action: "comment", body: "x".repeat(700_000) }, { cookie })).status).toBe(413);
    expect((await get(number)).state).toBe("open");
  });

  test("X1, X2: do nothing for another site, another browser's token, no token, or a foreign host name", async () => {
    const { path, number } = await aPull();
    const mine = await opened(path);
    const theirs = await opened(path);
    const close = (fields: Record<string, string>, headers: Record<string, string>) =>
      press(path, { action: "close", ...fields }, headers);
    const refused = [
      close({}, {}),
      close({}, { cookie: mine.cookie }),
      close({ token: theirs.token }, { cookie: mine.cookie }),
      close({ token: mine.token }, {}),
      close({ token: mine.token }, { cookie: mine.cookie, origin: "http://evil.example" }),
      close({ token: mine.token }, { cookie: mine.cookie, origin: "null" }),
      close({ token: mine.token }, { cookie: mine.cookie, host: "evil.example" }),
    ];
    expect((await Promise.all(refused)).map((answer) => answer.status)).toEqual(refused.map(() => 403));
    expect((await fetch(github.url + path, { headers: { host: "evil.example" } })).status).toBe(403);
    expect((await get(number)).state).toBe("open");
    expect((await close({ token: mine.token }, { cookie: mine.cookie, origin: github.url })).status).toBe(303);
  });
});
