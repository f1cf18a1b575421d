// What hangs on an issue, through the stock SDK: relations, comments, attachments, agent sessions.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { InvalidInputLinearError, LinearDocument } from "@linear/sdk";
import { aLinear, type LinearUnderTest } from "../testing/linear.ts";

const { Blocks, Duplicate, Related } = LinearDocument.IssueRelationType;

let linear: LinearUnderTest;
beforeAll(async () => {
  linear = await aLinear();
});
afterAll(() => linear.stop());

describe("relations", () => {
  test("`blocks` is read from both ends, by identifier too, and is gone after its deletion", async () => {
    const client = linear.as("dana");
    const [blocker, blocked] = [await linear.anIssue(), await linear.anIssue()];
    const { issueRelationId } = await client.createIssueRelation({
      issueId: blocker.identifier,
      relatedIssueId: blocked.identifier,
      type: Blocks,
    });
    const [out] = (await (await client.issue(blocker.id)).relations()).nodes;
    const [into] = (await (await client.issue(blocked.id)).inverseRelations()).nodes;
    expect([out?.type, (await out?.relatedIssue)?.id, (await into?.issue)?.id]).toEqual(["blocks", blocked.id, blocker.id]);
    await client.deleteIssueRelation(issueRelationId!);
    expect((await (await client.issue(blocked.id)).inverseRelations()).nodes).toEqual([]);
  });

  test("hasBlockedByRelations holds while the blocker is open and no longer", async () => {
    const client = linear.as("dana");
    const [blocker, blocked] = [await linear.anIssue(), await linear.anIssue()];
    await client.createIssueRelation({ issueId: blocker.id, relatedIssueId: blocked.id, type: Blocks });
    const isBlocked = async () =>
      (await client.issues({ filter: { id: { eq: blocked.id }, hasBlockedByRelations: { eq: true } } })).nodes.length === 1;
    expect(await isBlocked()).toBe(true);
    await client.updateIssue(blocker.id, { stateId: (await linear.state("Done")).id });
    expect(await isBlocked()).toBe(false);
    expect((await (await client.issue(blocked.id)).inverseRelations()).nodes).toHaveLength(1); // the relation itself stays
  });

  test("R1, R2: the same relation twice is refused, a cycle is not", async () => {
    const client = linear.as("dana");
    const [one, two] = [await linear.anIssue(), await linear.anIssue()];
    const relate = (issueId: string, relatedIssueId: string) =>
      client.createIssueRelation({ issueId, relatedIssueId, type: Blocks });
    await relate(one.id, two.id);
    await expect(relate(one.id, two.id)).rejects.toThrow("already has this relation");
    await expect(relate(one.id, one.id)).rejects.toThrow("related to itself");
    expect((await relate(two.id, one.id)).success).toBe(true);
  });

  test("a duplicate moves to the Duplicate state, and a relation can change its kind", async () => {
    const client = linear.as("dana");
    const [copy, original] = [await linear.anIssue(), await linear.anIssue()];
    const related = await client.createIssueRelation({ issueId: copy.id, relatedIssueId: original.id, type: Related });
    await client.updateIssueRelation(related.issueRelationId!, { type: Duplicate });
    expect((await (await client.issue(copy.id)).state)?.name).toBe("Duplicate");
    expect((await (await client.issue(original.id)).state)?.name).toBe("Backlog");
  });
});

describe("comments", () => {
  test("a repeated create with the same id is Linear's conflict error, and there is one comment", async () => {
    const { id: issueId } = await linear.anIssue();
    const id = randomUUID();
    const client = linear.as("omakase");
    await client.createComment({ id, issueId, body: "once" });
    const error = await client.createComment({ id, issueId, body: "once" }).then(Object, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidInputLinearError);
    expect(error).toMatchObject({ status: 200, errors: [{ message: `Entity Comment with id ${id} already exists.` }] });
    const raw = await linear.post("omakase", "mutation($i: CommentCreateInput!) { commentCreate(input: $i) { success } }", {
      i: { id, issueId, body: "once" },
    });
    expect(raw.status).toBe(200);
    expect(await raw.json()).toMatchObject({
      data: null,
      errors: [{ message: "conflict on insert of Comment", extensions: { code: "INPUT_ERROR" } }],
    });
    expect((await (await client.issue(issueId)).comments()).nodes.map(({ body }) => body)).toEqual(["once"]);
    const heard = (await linear.journal()).filter((entry) => entry.touched.some((touched) => touched.id === id));
    expect(heard.map(({ operation, actor }) => [operation, actor.displayName])).toEqual([["commentCreate", "omakase"]]);
  });

  test("threads are one level deep; only the author (or an admin) edits; a deletion takes the answers along", async () => {
    const { id: issueId } = await linear.anIssue();
    const dana = linear.as("dana");
    const { commentId: root } = await dana.createComment({ issueId, body: "root" });
    const { commentId: answer } = await linear.as("ada").createComment({ issueId, parentId: root, body: "answer" });
    const { commentId: deeper } = await dana.createComment({ parentId: answer, body: "deeper" });
    expect((await (await dana.comment({ id: deeper! })).parent)?.id).toBe(root);
    await expect(dana.updateComment(answer!, { body: "mine now" })).rejects.toThrow("author");
    await dana.updateComment(root!, { body: "edited" });
    expect((await dana.comment({ id: root! })).editedAt).toBeInstanceOf(Date);
    await dana.deleteComment(root!);
    expect((await (await dana.issue(issueId)).comments()).nodes).toEqual([]);
  });
});

describe("attachments", () => {
  test("A1: the same url on the same issue is updated in place; another issue gets its own", async () => {
    const client = linear.as("omakase");
    const [one, two] = [await linear.anIssue(), await linear.anIssue()];
    const url = "https://github.example/sample/pull/7";
    const first = await client.createAttachment({ issueId: one.id, url, title: "PR", metadata: { state: "open" } });
    const again = await client.createAttachment({ issueId: one.id, url, title: "PR merged", metadata: { state: "merged" } });
    await client.attachmentLinkGitHubPR(two.id, url);
    expect(again.attachmentId).toBe(first.attachmentId);
    const [attachment] = (await (await client.issue(one.id)).attachments()).nodes;
    expect([attachment?.title, attachment?.metadata]).toEqual(["PR merged", { state: "merged" }]);
    expect((await client.attachmentsForURL(url)).nodes).toHaveLength(2);
    await expect(client.createAttachment({ issueId: one.id, url: "javascript:alert(1)", title: "x" })).rejects.toThrow("URL");
  });
});

describe("agent sessions", () => {
  test("G1: delegating opens one, and its status follows the agent's last activity", async () => {
    const agent = linear.as("omakase");
    const { id: issueId } = await linear.anIssue();
    const { id: delegateId } = await agent.viewer;
    await linear.as("dana").updateIssue(issueId, { delegateId });
    const [session] = (await agent.agentSessions()).nodes;
    expect([session?.status, session?.issueId]).toEqual([LinearDocument.AgentSessionStatus.Pending, issueId]);
    const say = async (content: object) => {
      await agent.createAgentActivity({ agentSessionId: session!.id, content: { ...content } });
      return (await agent.agentSession(session!.id)).status as string;
    };
    expect(await say({ type: "thought", body: "looking" })).toBe("active");
    expect(await say({ type: "elicitation", body: "which one?" })).toBe("awaitingInput");
    expect(await say({ type: "response", body: "done" })).toBe("complete");
    await expect(say({ type: "prompt", body: "x" })).rejects.toThrow("cannot prompt");
    await expect(say({ type: "nonsense" })).rejects.toThrow("content.type");
    const activities = (await (await agent.agentSession(session!.id)).activities()).nodes;
    expect(activities.map(({ content }) => content.__typename)).toEqual([
      "AgentActivityResponseContent",
      "AgentActivityElicitationContent",
      "AgentActivityThoughtContent",
    ]);
  });

  test("an agent that opens its own session can give it a plan and a link", async () => {
    const agent = linear.as("omakase");
    const { id: issueId } = await linear.anIssue();
    const { agentSessionId } = await agent.agentSessionCreateOnIssue({ issueId });
    const plan = [{ content: "Write it", status: "inProgress" }];
    await agent.updateAgentSession(agentSessionId!, {
      plan: { steps: plan },
      externalUrls: [{ label: "Run", url: "https://omakase.example/runs/1" }],
    });
    const session = await agent.agentSession(agentSessionId!);
    expect(session.plan).toEqual({ steps: plan });
    expect(session.externalUrls as unknown).toEqual([{ label: "Run", url: "https://omakase.example/runs/1" }]);
    expect(session.externalLink).toBe("https://omakase.example/runs/1");
  });
});
