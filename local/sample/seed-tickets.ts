// Creates the sample's tickets at Linear, in Backlog, with the stock SDK.
//
//   T1. Tickets and relations carry ids of ours. What is there is found by id and left as it is, wherever it has been moved since.
//   T2. Tickets are made one after another: Linear numbers them in that order, and the scripted model knows them by key.
//   T3. Relations are made before the last ticket, so a last ticket that is there says the seed was finished, and a relation
//       somebody took away since then stays away.
import { IssueRelationType, LinearClient, LinearError } from "@linear/sdk";
import { SampleError } from "./errors.ts";
import { SAMPLE_TICKETS, type SampleTicket } from "./tickets.ts";

export interface LinearTarget {
  /** The GraphQL endpoint, for example "https://api.linear.app/graphql". */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** @default "OMA" */
  readonly teamKey?: string;
}

export interface SeededTicket {
  readonly key: string;
  readonly id: string;
  readonly url: string;
  /** False when the ticket was there already. */
  readonly created: boolean;
}

interface Team {
  readonly id: string;
  readonly backlogId: string;
  /** Label ids by lower-cased name. */
  readonly labels: Map<string, string>;
}

/** Safe to repeat. @throws {SampleError} NO_TEAM, NO_STATE, KEYS_TAKEN */
export async function seedTickets({ apiUrl, apiKey, teamKey = "OMA" }: LinearTarget): Promise<SeededTicket[]> {
  const client = new LinearClient({ apiUrl, apiKey });
  const team = await findTeam(client, teamKey);
  const present = await presentTickets(client);
  const isFinished = SAMPLE_TICKETS.every((ticket) => present.has(ticket.id));
  const seeded: SeededTicket[] = [];
  for (const ticket of SAMPLE_TICKETS) {
    seeded.push(present.get(ticket.id) ?? (await createTicket(client, team, ticket)));
    if (!isFinished) await blockWith(client, ticket);
  }
  return seeded;
}

async function findTeam(client: LinearClient, key: string): Promise<Team> {
  const team = (await client.teams({ filter: { key: { eq: key } } })).nodes[0];
  if (!team) throw new SampleError("NO_TEAM", `Linear has no team with the key ${key}: make one, or name another.`);
  const [states, labels] = await Promise.all([
    client.workflowStates({ filter: { team: { id: { eq: team.id } }, type: { eq: "backlog" } } }),
    client.issueLabels({ first: 250 }),
  ]);
  const backlog = states.nodes[0];
  if (!backlog) throw new SampleError("NO_STATE", `The team ${key} has no state of the kind "backlog": add one.`);
  return {
    id: team.id,
    backlogId: backlog.id,
    labels: new Map(labels.nodes.map((label) => [label.name.toLowerCase(), label.id])),
  };
}

async function presentTickets(client: LinearClient): Promise<Map<string, SeededTicket>> {
  const ids = SAMPLE_TICKETS.map((ticket) => ticket.id);
  const { nodes } = await client.issues({ filter: { id: { in: ids } }, includeArchived: true });
  return new Map(nodes.map((issue) => [issue.id, { key: issue.identifier, id: issue.id, url: issue.url, created: false }]));
}

async function createTicket(client: LinearClient, team: Team, ticket: SampleTicket): Promise<SeededTicket> {
  const labelIds = [];
  for (const name of ticket.labels) labelIds.push(await labelId(client, team, name));
  const { id, title, description, priority } = ticket;
  const created = await unlessThere(
    client.createIssue({ id, title, description, priority, labelIds, teamId: team.id, stateId: team.backlogId }),
  );
  const issue = await client.issue(id);
  if (issue.identifier !== ticket.key) {
    throw new SampleError(
      "KEYS_TAKEN",
      `The sample's ticket ${ticket.key} became ${issue.identifier}, because the team has other tickets. Seed the sample into an empty team.`,
    );
  }
  return { key: issue.identifier, id, url: issue.url, created };
}

async function labelId(client: LinearClient, team: Team, name: string): Promise<string> {
  const known = team.labels.get(name.toLowerCase());
  if (known !== undefined) return known;
  const made = (await client.createIssueLabel({ name, teamId: team.id })).issueLabelId;
  if (made === undefined) throw new Error(`Linear made no label ${name}.`);
  team.labels.set(name.toLowerCase(), made);
  return made;
}

/** Makes the relations that end in this ticket: both ends exist by now. */
async function blockWith(client: LinearClient, blocked: SampleTicket): Promise<void> {
  for (const blocker of SAMPLE_TICKETS.filter((ticket) => ticket.blocks.includes(blocked.key))) {
    const id = relationId(blocker, blocked);
    await unlessThere(
      client.createIssueRelation({ id, issueId: blocker.id, relatedIssueId: blocked.id, type: IssueRelationType.Blocks }),
    );
  }
}

/** The tickets' own ids differ in their last digit only; a relation's has both of them in it, and is as much a UUID v4. */
function relationId(blocker: SampleTicket, blocked: SampleTicket): string {
  return `${blocker.id.slice(0, 24)}0000000000${blocker.id.slice(-1)}${blocked.id.slice(-1)}`;
}

/** True when the entity was made, false when Linear says that its id is taken: by us, since nobody else makes such ids. */
async function unlessThere(call: PromiseLike<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof LinearError && /conflict on insert|already exists/i.test(error.message)) return false;
    throw error;
  }
}
