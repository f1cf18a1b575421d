// The workspace as the stock SDK sees it: who is who, who may come in, and what the schema refuses.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AuthenticationLinearError, FeatureNotAccessibleLinearError, ForbiddenLinearError, LinearClient } from "@linear/sdk";
import { aLinear, type LinearUnderTest } from "../testing/linear.ts";

let linear: LinearUnderTest;
beforeAll(async () => {
  linear = await aLinear();
});
afterAll(() => linear.stop());

describe("the seeded workspace", () => {
  test("each key acts as its user, and the app user is an app", async () => {
    const viewers = await Promise.all((["ada", "dana", "vic", "omakase"] as const).map((handle) => linear.as(handle).viewer));
    expect(viewers.map(({ displayName, admin, guest, app, isMe }) => ({ displayName, admin, guest, app, isMe }))).toEqual([
      { displayName: "ada", admin: true, guest: false, app: false, isMe: true },
      { displayName: "dana", admin: false, guest: false, app: false, isMe: true },
      { displayName: "vic", admin: false, guest: true, app: false, isMe: true },
      { displayName: "omakase", admin: false, guest: false, app: true, isMe: true },
    ]);
  });

  test("it has one organization, the team OMA, seven states in Linear's types, and two labels, and no tickets", async () => {
    const client = linear.as("dana");
    const organization = await client.organization;
    expect([organization.name, organization.userCount]).toEqual(["Omakase Sample", 4]);
    const team = await client.team("OMA");
    expect(team.key).toBe("OMA");
    const states = (await team.states()).nodes.sort((left, right) => left.position - right.position);
    expect(states.map(({ name, type }) => [name, type])).toEqual([
      ["Backlog", "backlog"],
      ["Todo", "unstarted"],
      ["In Progress", "started"],
      ["In Review", "started"],
      ["Done", "completed"],
      ["Canceled", "canceled"],
      ["Duplicate", "duplicate"],
    ]);
    expect((await client.issueLabels()).nodes.map(({ name }) => name).sort()).toEqual(["Bug", "Feature"]);
    expect((await client.issues()).nodes).toEqual([]);
    expect((await team.defaultIssueState)?.name).toBe("Backlog");
  });

  test("an admin can add a team with its own numbering and the usual states; a developer cannot", async () => {
    const { team } = await linear.as("ada").createTeam({ name: "Platform", key: "PLT" });
    const created = await team;
    expect((await created!.states()).nodes).toHaveLength(7);
    const { issue } = await linear.as("dana").createIssue({ teamId: created!.id, title: "First" });
    expect((await issue)?.identifier).toBe("PLT-1");
    await expect(linear.as("dana").createTeam({ name: "Mine", key: "MIN" })).rejects.toBeInstanceOf(ForbiddenLinearError);
  });
});

describe("credentials", () => {
  test("a wrong key, a missing one and an empty one are the SDK's AuthenticationLinearError with status 401", async () => {
    for (const apiKey of ["lin_api_wrong_wrong_wrong", " "]) {
      const error = await new LinearClient({ apiKey, apiUrl: `${linear.url}/graphql` }).viewer.then(
        Object,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(AuthenticationLinearError);
      expect(error).toMatchObject({ status: 401 });
    }
    const bare = await fetch(`${linear.url}/graphql`, { method: "POST", body: "{}" });
    expect(bare.status).toBe(401);
    expect(await bare.json()).toMatchObject({
      errors: [{ extensions: { code: "AUTHENTICATION_ERROR", type: "authentication error" } }],
    });
  });

  test("a client-credentials token acts as the app, survives a restart, and a wrong secret gets none", async () => {
    const ask = (client_secret: string) =>
      fetch(`${linear.url}/oauth/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: "omakase", client_secret, scope: "read,write" }),
      });
    const granted = (await (await ask(linear.key("omakase"))).json()) as {
      access_token: string;
      token_type: string;
      expires_in: number;
    };
    expect([granted.token_type, granted.expires_in]).toEqual(["Bearer", 2_592_000]);
    await linear.restart();
    const client = new LinearClient({ accessToken: granted.access_token, apiUrl: `${linear.url}/graphql` });
    expect((await client.viewer).displayName).toBe("omakase");
    const refused = await ask(linear.key("dana")); // a key, but not the app's
    expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([401, "invalid_client"]);
  });

  test("a guest may look and not touch", async () => {
    expect((await linear.as("vic").teams()).nodes.length).toBeGreaterThan(0);
    await expect(linear.anIssue({}, "vic")).rejects.toBeInstanceOf(ForbiddenLinearError);
  });
});

describe("the schema", () => {
  test("an unknown field is GraphQL's own error, with status 400", async () => {
    const answer = await linear.post("dana", "{ viewer { nope } }");
    expect(answer.status).toBe(400);
    const { errors } = (await answer.json()) as { errors: { message: string; extensions: { type: string } }[] };
    expect(errors[0]?.message).toStartWith('Cannot query field "nope" on type "User".');
    expect(errors[0]?.extensions.type).toBe("graphql error");
  });

  test("what is not covered is refused by name and changes nothing", async () => {
    const before = (await linear.journal()).length;
    await expect(linear.as("ada").cycles()).rejects.toBeInstanceOf(FeatureNotAccessibleLinearError);
    await expect(linear.as("ada").createEmoji({ name: "x", url: "https://example.com/x.png" })).rejects.toThrow("emojiCreate");
    await expect(linear.anIssue({ cycleId: "0a000000-0000-4000-8000-000000000099" })).rejects.toThrow("cycleId");
    expect((await linear.journal()).length).toBe(before);
  });

  test("projects, reactions and label groups keep what they were given", async () => {
    const client = linear.as("ada");
    const team = await client.team("OMA");
    const project = await (await client.createProject({ name: "Launch", teamIds: [team.id], description: "soon" })).project;
    const { id } = await linear.anIssue({ projectId: project!.id });
    expect((await (await client.project(project!.id)).issues()).nodes.map((issue) => issue.id)).toEqual([id]);
    expect((await (await client.project(project!.id)).status)?.name).toBe("Backlog");
    await client.updateProject(project!.id, { name: "Launched" });
    expect((await (await client.issue(id)).project)?.name).toBe("Launched");
    await client.createReaction({ issueId: id, emoji: "eyes" });
    expect((await client.issue(id)).reactions.map(({ emoji }) => emoji)).toEqual(["eyes"]);
  });
});
