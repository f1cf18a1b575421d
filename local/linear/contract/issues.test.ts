// Issues through the stock SDK: numbering, states and their times, filters, pages, history, and what is refused.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { InvalidInputLinearError, LinearDocument } from "@linear/sdk";
import { aLinear, type LinearUnderTest } from "../testing/linear.ts";

let linear: LinearUnderTest;
beforeAll(async () => {
  linear = await aLinear();
});
afterAll(() => linear.stop());

describe("creating and changing an issue", () => {
  test("I1: numbers grow by one per team and are not used again after a deletion", async () => {
    const first = await linear.anIssue();
    const number = Number(first.identifier.split("-")[1]);
    await linear.as("ada").deleteIssue(first.id, { permanentlyDelete: true });
    expect((await linear.anIssue()).identifier).toBe(`OMA-${number + 1}`);
    await expect(linear.as("ada").issue(first.id)).rejects.toThrow("Could not find referenced Issue");
  });

  test("it is found by its id and by its identifier, and its url is a page of this server", async () => {
    const { id, identifier } = await linear.anIssue({ title: "Café: naïve ünïcode/../", description: "text", priority: 2 });
    const issue = await linear.as("dana").issue(identifier.toLowerCase());
    expect([issue.id, issue.priorityLabel, issue.url]).toEqual([id, "High", `${linear.url}/issue/${identifier}`]);
    expect(issue.branchName).toMatch(/^dana\/oma-\d+-[a-z0-9-]+[a-z0-9]$/);
    expect((await issue.creator)?.displayName).toBe("dana");
    expect((await linear.as("dana").issueVcsBranchSearch(issue.branchName))?.id).toBe(id);
  });

  test("I2: moving it sets and clears startedAt, completedAt and canceledAt", async () => {
    const { id } = await linear.anIssue();
    const client = linear.as("dana");
    const move = async (state: string) => {
      await client.updateIssue(id, { stateId: (await linear.state(state)).id });
      const { startedAt, completedAt, canceledAt } = await client.issue(id);
      return [startedAt, completedAt, canceledAt].map((time) => time instanceof Date);
    };
    expect(await move("Todo")).toEqual([false, false, false]);
    expect(await move("In Progress")).toEqual([true, false, false]);
    const { startedAt } = await client.issue(id);
    expect(await move("In Review")).toEqual([true, false, false]);
    expect((await client.issue(id)).startedAt).toEqual(startedAt); // started once
    expect(await move("Done")).toEqual([true, true, false]);
    expect(await move("Canceled")).toEqual([true, false, true]);
    expect(await move("Backlog")).toEqual([false, false, false]);
  });

  test("I3: an update that changes nothing keeps updatedAt and leaves no history", async () => {
    const { id } = await linear.anIssue({ title: "Same" });
    const client = linear.as("dana");
    const before = await client.issue(id);
    await client.updateIssue(id, { title: "Same", priority: 0, labelIds: [] });
    const after = await client.issue(id);
    expect(after.updatedAt).toEqual(before.updatedAt);
    expect((await after.history()).nodes).toHaveLength(1); // its creation
  });

  test("labels are set, added and taken away; assigning the app delegates to it", async () => {
    const client = linear.as("dana");
    const labels = (await client.issueLabels()).nodes;
    const { id } = await linear.anIssue({ labelIds: [labels[0]!.id] });
    await client.updateIssue(id, { addedLabelIds: [labels[1]!.id], removedLabelIds: [labels[0]!.id] });
    expect((await (await client.issue(id)).labels()).nodes.map(({ name }) => name)).toEqual([labels[1]!.name]);
    const users = (await client.users()).nodes;
    const handle = (name: string) => users.find(({ displayName }) => displayName === name)!.id;
    await client.updateIssue(id, { assigneeId: handle("omakase") });
    await client.updateIssue(id, { assigneeId: handle("dana") });
    const issue = await client.issue(id);
    expect([(await issue.assignee)?.displayName, (await issue.delegate)?.displayName]).toEqual(["dana", "omakase"]);
    await expect(client.updateIssue(id, { delegateId: handle("ada") })).rejects.toThrow("app user");
  });

  test("history tells who changed what, from and to", async () => {
    const { id } = await linear.anIssue({ title: "Old" });
    await linear.as("ada").updateIssue(id, { title: "New", priority: 1, stateId: (await linear.state("Todo")).id });
    const [entry] = (await (await linear.as("ada").issue(id)).history()).nodes;
    expect([entry?.fromTitle, entry?.toTitle, entry?.fromPriority, entry?.toPriority]).toEqual(["Old", "New", 0, 1]);
    const [from, to, actor] = await Promise.all([entry?.fromState, entry?.toState, entry?.actor]);
    expect([from?.name, to?.name, actor?.displayName]).toEqual(["Backlog", "Todo", "ada"]);
  });

  test("archiving hides it, unarchiving brings it back, deleting puts it in the trash", async () => {
    const client = linear.as("dana");
    const { id } = await linear.anIssue({ title: "Hide and seek" });
    const listed = async (includeArchived: boolean) =>
      (await client.issues({ includeArchived, filter: { title: { eq: "Hide and seek" } } })).nodes.map(
        ({ trashed }) => trashed ?? false,
      );
    await client.archiveIssue(id);
    expect([await listed(false), await listed(true)]).toEqual([[], [false]]);
    await client.unarchiveIssue(id);
    expect(await listed(false)).toEqual([false]);
    await client.deleteIssue(id);
    expect([await listed(false), await listed(true)]).toEqual([[], [true]]);
  });

  test("a batch is created and updated in one request, all or nothing", async () => {
    const client = linear.as("dana");
    const teamId = (await linear.team()).id;
    const { issues } = await client.createIssueBatch({
      issues: [
        { teamId, title: "one" },
        { teamId, title: "two" },
      ],
    });
    const ids = issues.map(({ id }) => id);
    await client.updateIssueBatch(ids, { priority: 1 });
    expect((await Promise.all(ids.map((id) => client.issue(id)))).map(({ priority }) => priority)).toEqual([1, 1]);
    const nobody = "0a000000-0000-4000-8000-00000000dead";
    await expect(client.updateIssueBatch([ids[0]!, nobody], { priority: 4 })).rejects.toThrow("Issue");
    expect((await client.issue(ids[0]!)).priority).toBe(1);
  });

  test("bad values are Linear's invalid input, with a sentence that says what is wrong", async () => {
    const { id } = await linear.anIssue();
    const client = linear.as("dana");
    const refusals: [() => PromiseLike<unknown>, string][] = [
      [() => linear.anIssue({ title: "  " }), "title must be longer"],
      [() => linear.anIssue({ teamId: "nowhere" }), "Could not find referenced Team"],
      [() => linear.anIssue({ id: "not-a-uuid" }), "id must be a UUID."],
      [() => client.updateIssue(id, { priority: 9 }), "priority must be one of"],
      [
        () => client.updateIssue(id, { stateId: "0a000000-0000-4000-8000-00000000dead" }),
        "Could not find referenced WorkflowState",
      ],
      [() => client.updateIssue(id, { description: "x".repeat(2_000_001) }), "description must be shorter"],
      [() => client.updateIssue(id, { parentId: id }), "own parent"],
    ];
    for (const [refused, message] of refusals) {
      const error = await refused().then(Object, (reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidInputLinearError);
      expect(String(error)).toContain(message);
    }
  });

  test("a description of a megabyte with every kind of character comes back as it was sent", async () => {
    const description = `\u0000\u001b[31m <script>alert(1)</script> \ud83d\ude00 ${"é".repeat(500_000)}`;
    const { id } = await linear.anIssue({ description });
    expect((await linear.as("dana").issue(id)).description === description).toBe(true);
  });
});

describe("lists", () => {
  test("filters nest: state type, team key, labels, assignee, updatedAt, and/or", async () => {
    const client = linear.as("dana");
    const bug = (await client.issueLabels({ filter: { name: { eq: "Bug" } } })).nodes[0]!;
    const todo = await linear.state("Todo");
    const since = new Date();
    const wanted = await linear.anIssue({ title: "Filter me", labelIds: [bug.id], stateId: todo.id });
    await linear.anIssue({ title: "Filter me not", stateId: todo.id });
    const found = async (filter: LinearDocument.IssueFilter) => (await client.issues({ filter })).nodes.map(({ id }) => id);
    const recent = { updatedAt: { gte: since } };
    expect(await found({ ...recent, state: { type: { in: ["unstarted"] } }, labels: { some: { name: { eq: "Bug" } } } })).toEqual(
      [wanted.id],
    );
    expect(await found({ ...recent, team: { key: { eq: "OMA" } }, title: { containsIgnoreCase: "ME NOT" } })).toHaveLength(1);
    expect(await found({ ...recent, labels: { every: { name: { eq: "Bug" } } }, assignee: { null: true } })).toHaveLength(2);
    expect(await found({ ...recent, assignee: { null: false } })).toEqual([]);
    expect(await found({ ...recent, or: [{ labels: { name: { eq: "Bug" } } }, { title: { endsWith: "nothing" } }] })).toEqual([
      wanted.id,
    ]);
    expect(await found({ and: [recent, { id: { eq: wanted.identifier } }] })).toEqual([wanted.id]);
    expect(
      await found({ ...recent, creator: { isMe: { eq: true } }, number: { eq: Number(wanted.identifier.slice(4)) } }),
    ).toEqual([wanted.id]);
    expect(await found({ updatedAt: { gt: new Date(Date.now() + 60_000) } })).toEqual([]);
    expect(await found({ updatedAt: { gt: "-PT1H" }, id: { in: [wanted.id] } })).toEqual([wanted.id]);
  });

  test("pages follow cursors forwards and backwards without gaps or repeats", async () => {
    const client = linear.as("dana");
    for (let index = 0; index < 5; index++) await linear.anIssue({ title: `Page ${index}` });
    const filter = { title: { startsWith: "Page " } };
    const first = await client.issues({ first: 2, filter });
    expect(first.nodes.map(({ title }) => title)).toEqual(["Page 4", "Page 3"]);
    const second = await client.issues({ first: 2, after: first.pageInfo.endCursor, filter });
    const third = await client.issues({ first: 2, after: second.pageInfo.endCursor, filter });
    expect([...second.nodes, ...third.nodes].map(({ title }) => title)).toEqual(["Page 2", "Page 1", "Page 0"]);
    expect([first, second, third].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false]);
    const back = await client.issues({ last: 2, before: third.pageInfo.startCursor, filter });
    expect(back.nodes.map(({ title }) => title)).toEqual(["Page 2", "Page 1"]);
    expect(await (await linear.post("dana", "{ issues(first: 251) { nodes { id } } }")).text()).toContain(
      "first must be from 1 to 250",
    );
  });

  test("orderBy updatedAt puts what changed last first", async () => {
    const client = linear.as("dana");
    const [older, newer] = [await linear.anIssue({ title: "Order" }), await linear.anIssue({ title: "Order" })];
    await client.updateIssue(older.id, { priority: 3 });
    const ids = async (orderBy: LinearDocument.PaginationOrderBy) =>
      (await client.issues({ orderBy, filter: { title: { eq: "Order" } } })).nodes.map(({ id }) => id);
    expect(await ids(LinearDocument.PaginationOrderBy.CreatedAt)).toEqual([newer.id, older.id]);
    expect(await ids(LinearDocument.PaginationOrderBy.UpdatedAt)).toEqual([older.id, newer.id]);
  });

  test("search finds words in titles before words in texts, and in comments when asked", async () => {
    const client = linear.as("dana");
    const inText = await linear.anIssue({ title: "Other", description: "the Zanzibar case" });
    const inTitle = await linear.anIssue({ title: "Zanzibar" });
    const inComment = await linear.anIssue({ title: "Third" });
    await client.createComment({ issueId: inComment.id, body: "see zanzibar" });
    const plain = await client.searchIssues("zanzibar");
    expect([plain.totalCount, plain.nodes.map(({ id }) => id)]).toEqual([2, [inTitle.id, inText.id]]);
    const deep = await client.searchIssues("zanzibar", { includeComments: true });
    expect(deep.nodes.map(({ identifier }) => identifier)).toContain(inComment.identifier);
  });

  test("F1: a filter that is not covered is refused, never ignored", async () => {
    await expect(linear.as("dana").issues({ filter: { cycle: { number: { eq: 1 } } } })).rejects.toThrow("cycle");
    await expect(linear.as("dana").issues({ filter: { hasSharedUsers: { eq: true } } })).rejects.toThrow("hasSharedUsers");
  });
});
