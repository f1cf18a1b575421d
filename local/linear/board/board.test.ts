// The board over HTTP, as a browser without scripts uses it: what is shown, what may be done, what is kept out.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LinearDocument } from "@linear/sdk";
import { aLinear, type LinearUnderTest } from "../testing/linear.ts";

let linear: LinearUnderTest;
beforeAll(async () => {
  linear = await aLinear();
});
afterAll(() => linear.stop());

/** A browser: keeps its cookie, follows no redirect, fills in the form token it was shown. */
async function signedIn(user: "ada" | "dana" | "vic") {
  const answer = await fetch(`${linear.url}/session`, {
    method: "POST",
    body: new URLSearchParams({ user }),
    redirect: "manual",
  });
  const cookie = answer.headers.get("set-cookie")!;
  const headers = { cookie: cookie.split(";")[0]! };
  const get = (path: string) => fetch(`${linear.url}${path}`, { headers });
  const page = async (path: string) => (await get(path)).text();
  const formToken = /name="formToken" value="([0-9a-f]+)"/.exec(await page("/"))?.[1] ?? "";
  const post = (path: string, fields: Record<string, string>, extra: Record<string, string> = {}) =>
    fetch(`${linear.url}${path}`, {
      method: "POST",
      headers: { ...headers, ...extra },
      body: new URLSearchParams({ formToken, ...fields }),
      redirect: "manual",
    });
  return { cookie, headers, get, page, post, formToken };
}

/** Everything a browser would run or load by itself in this page: script addresses, and elements that should not be there. */
function scriptsIn(page: string): string[] {
  const found: string[] = [];
  const look = (element: HTMLRewriterTypes.Element) => {
    const handlers = [...element.attributes].filter(
      ([name, value]) => name.startsWith("on") || value.trim().toLowerCase().startsWith("javascript:"),
    );
    if (element.tagName === "script") found.push(element.getAttribute("src") ?? "inline");
    else if (handlers.length > 0 || ["img", "iframe", "object", "style", "base"].includes(element.tagName))
      found.push(element.tagName);
  };
  new HTMLRewriter().on("*", { element: look }).transform(page);
  return found;
}

describe("signing in", () => {
  test("without a session every page is the choice of users, and the cookie is kept from scripts and other sites", async () => {
    const page = await (await fetch(`${linear.url}/issue/OMA-1`)).text();
    expect(page).toContain("Who are you?");
    expect(page).not.toContain('value="omakase"'); // the app does not use a browser
    expect((await signedIn("dana")).cookie).toMatch(/^omakase_local_linear=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  test("signing in leads back to the ticket asked for, and never to another site", async () => {
    const go = async (next: string) => {
      const body = new URLSearchParams({ user: "dana", next });
      return (await fetch(`${linear.url}/session`, { method: "POST", body, redirect: "manual" })).headers.get("location");
    };
    expect([await go("/issue/OMA-1"), await go("//attacker.example/"), await go("https://attacker.example/")]).toEqual([
      "/issue/OMA-1",
      "/",
      "/",
    ]);
  });

  test("changing the user forgets the session", async () => {
    const dana = await signedIn("dana");
    await dana.post("/session/end", {});
    expect(await dana.page("/")).toContain("Who are you?");
  });
});

describe("working with tickets", () => {
  test("a ticket created on the page is one of the API, by the person signed in", async () => {
    const dana = await signedIn("dana");
    const answer = await dana.post("/issues", { title: "From the page", description: "why", priority: "2" });
    const path = answer.headers.get("location")!;
    expect([answer.status, path]).toEqual([303, expect.stringMatching(/^\/issue\/OMA-\d+$/)]);
    const issue = await linear.as("ada").issue(path.split("/")[2]!);
    expect([issue.title, issue.description, issue.priorityLabel, (await issue.creator)?.displayName]).toEqual([
      "From the page",
      "why",
      "High",
      "dana",
    ]);
    expect(await dana.page("/")).toContain("From the page");
  });

  test("moving, prioritising, commenting and relating do what the API does, and the journal names the person", async () => {
    const dana = await signedIn("dana");
    const [one, two] = [await linear.anIssue({}, "ada"), await linear.anIssue({ title: "The blocker" }, "ada")];
    const todo = await linear.state("Todo");
    const before = (await linear.journal()).length;
    const at = `/issue/${one.identifier}`;
    expect((await dana.post(`${at}/move`, { stateId: todo.id, back: "board" })).headers.get("location")).toBe("/");
    expect((await dana.post(`${at}/priority`, { priority: "1" })).headers.get("location")).toBe(at);
    expect((await dana.post(`${at}/delegate`, { delegateId: (await linear.as("omakase").viewer).id })).status).toBe(303);
    expect((await dana.post(`${at}/comment`, { body: "a word" })).status).toBe(303);
    expect((await dana.post(`${at}/relate`, { kind: "blockedBy", other: two.identifier.toLowerCase() })).status).toBe(303);
    const page = await dana.page(at);
    for (const text of [
      "Todo",
      "Urgent",
      "a word",
      "Blocked by",
      "The blocker",
      "moved from Backlog to Todo",
      "added: blocked by",
    ])
      expect(page).toContain(text);
    const issue = await linear.as("ada").issue(one.id);
    expect((await issue.inverseRelations()).nodes.map(({ type }) => type)).toEqual([LinearDocument.IssueRelationType.Blocks]);
    const relationId = /name="relationId" value="([^"]+)"/.exec(page)![1]!;
    await dana.post(`${at}/unrelate`, { relationId });
    expect((await issue.inverseRelations()).nodes).toEqual([]);
    const mine = (await linear.journal()).slice(before);
    expect(mine.map(({ operation, actor }) => `${operation} ${actor.displayName}`)).toEqual(
      ["issueUpdate", "issueUpdate", "issueUpdate", "commentCreate", "issueRelationCreate", "issueRelationDelete"].map(
        (operation) => `${operation} dana`,
      ),
    );
    expect(mine[0]?.touched[0]?.changes?.state).toEqual(["Backlog", "Todo"]);
  });

  test("what cannot be done says why, with the API's own sentence", async () => {
    const dana = await signedIn("dana");
    const { identifier } = await linear.anIssue();
    const relate = await dana.post(`/issue/${identifier}/relate`, { kind: "blocks", other: "OMA-99999" });
    expect([relate.status, await relate.text()]).toEqual([422, expect.stringContaining("Could not find referenced Issue")]);
    expect((await dana.post("/issues", { title: " ", priority: "0" })).status).toBe(422);
    expect((await dana.post(`/issue/${identifier}/explode`, {})).status).toBe(404);
    expect((await dana.get("/issue/OMA-99999")).status).toBe(404);
    expect((await dana.get("/issue/%E0%A4%A")).status).toBe(404);
  });

  test("an open page is told which ticket changed, and the event comes from the API's change too", async () => {
    const dana = await signedIn("dana");
    const { identifier, id } = await linear.anIssue();
    const stream = await fetch(`${linear.url}/live`, { headers: { ...dana.headers, accept: "text/event-stream" } });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain("event: hello");
    await linear.as("omakase").updateIssue(id, { priority: 3 });
    expect((await reader.read()).value).toBe(`event: change\ndata: ["${identifier}"]\n\n`);
    await reader.cancel();
  });

  test("W1: a column shows the first hundred of many tickets and says how many more there are", async () => {
    const crowded = await aLinear();
    try {
      const teamId = (await crowded.team()).id;
      const issues = Array.from({ length: 50 }, (_, index) => ({ teamId, title: `crowd ${index}` }));
      for (let batch = 0; batch < 3; batch++) await crowded.as("dana").createIssueBatch({ issues });
      const session = await fetch(`${crowded.url}/session`, {
        method: "POST",
        body: new URLSearchParams({ user: "dana" }),
        redirect: "manual",
      });
      const page = await (
        await fetch(`${crowded.url}/`, { headers: { cookie: session.headers.get("set-cookie")!.split(";")[0]! } })
      ).text();
      expect([page.split('class="card"').length - 1, page.includes("and 50 more")]).toEqual([100, true]);
    } finally {
      await crowded.stop();
    }
  });
});

describe("strangers", () => {
  test("hostile text is shown as text, everywhere it appears", async () => {
    const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'\`\u0000`;
    const client = linear.as("ada");
    const { labelIds } = await client.issue(
      (await linear.anIssue({ labelIds: [(await client.createIssueLabel({ name: evil })).issueLabelId!] })).id,
    );
    const { id, identifier } = await linear.anIssue({ title: evil, description: evil, labelIds });
    await client.createComment({ issueId: id, body: evil });
    await client.createAttachment({
      issueId: id,
      title: evil,
      subtitle: evil,
      url: 'https://example.com/"onmouseover="alert(1)',
    });
    const vic = await signedIn("vic");
    for (const path of ["/", `/issue/${identifier}`]) {
      const page = await vic.page(path);
      expect(page).toContain("&quot;&gt;&lt;script&gt;alert(1)");
      expect(page).not.toContain("\u0000");
      expect(scriptsIn(page)).toEqual(["/assets/board.js"]);
    }
  });

  test("B1, B2: a change without the form token, with another session's, or from another origin is refused", async () => {
    const [dana, ada] = [await signedIn("dana"), await signedIn("ada")];
    const before = (await linear.journal()).length;
    const fields = { title: "forged", priority: "0" };
    expect((await dana.post("/issues", { ...fields, formToken: "" })).status).toBe(403);
    expect((await dana.post("/issues", { ...fields, formToken: ada.formToken })).status).toBe(403);
    expect((await dana.post("/issues", fields, { origin: "http://attacker.example" })).status).toBe(403);
    expect((await dana.post("/issues", fields, { origin: "null" })).status).toBe(403);
    expect((await dana.post("/issues", fields, { origin: "http://127.0.0.1:1" })).status).toBe(403); // another local port
    const anonymous = await fetch(`${linear.url}/issues`, { method: "POST", body: new URLSearchParams(fields) });
    expect(anonymous.status).toBe(401);
    expect((await linear.journal()).length).toBe(before);
    expect((await dana.post("/issues", { ...fields, title: "mine" }, { origin: linear.url })).status).toBe(303);
  });

  test("the viewer is shown no forms to change things, and is refused when he makes his own", async () => {
    const vic = await signedIn("vic");
    const { identifier } = await linear.anIssue();
    expect(await vic.page("/")).not.toContain("New ticket");
    expect(await vic.page(`/issue/${identifier}`)).not.toContain("Add comment");
    const forged = await vic.post(`/issue/${identifier}/comment`, { body: "me too" });
    expect([forged.status, await forged.text()]).toEqual([422, expect.stringContaining("may look at it and not change it")]);
  });

  test("B3: pages allow no foreign script and no frame, and their assets are served with their types", async () => {
    const dana = await signedIn("dana");
    const policy = (await dana.get("/")).headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect((await dana.get("/assets/board.js")).headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect((await dana.get("/assets/../main.ts")).status).toBe(404);
    expect((await dana.get("/assets/board.test.ts")).status).toBe(404);
  });
});
