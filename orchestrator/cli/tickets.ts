// Tickets as the commands see them, through Linear's own API and with the person's own key: whatever a command does, Linear shows
// under that person's name, and its webhook tells the orchestrator. Nothing here knows Omakase's database.

import { LinearRefused, type LinearRequest } from "../linear/client.ts";

export interface TicketRow {
  readonly key: string;
  readonly title: string;
  readonly state: string;
}

export interface TicketDetails extends TicketRow {
  readonly url: string;
  readonly description: string;
  readonly blockedBy: readonly string[];
  /** Oldest first. */
  readonly comments: readonly { readonly by: string; readonly at: string; readonly body: string }[];
}

interface RawTicket {
  readonly identifier: string;
  readonly title: string;
  readonly state: { readonly name: string };
}

/** The 100 tickets changed last, by key. */
export async function listTickets(request: LinearRequest): Promise<readonly TicketRow[]> {
  const { issues } = await request<{ issues: { nodes: RawTicket[] } }>(
    `query tickets { issues(first: 100, orderBy: updatedAt) { nodes { identifier title state { name } } } }`,
    {},
  );
  const number = (key: string) => Number(key.slice(key.lastIndexOf("-") + 1));
  return issues.nodes
    .map(({ identifier, title, state }) => ({ key: identifier, title, state: state.name }))
    .sort((a, b) => number(a.key) - number(b.key));
}

/** @throws {LinearRefused} when there is no such ticket */
export async function showTicket(request: LinearRequest, key: string): Promise<TicketDetails> {
  const { issue } = await request<{
    issue: RawTicket & {
      url: string;
      description: string | null;
      inverseRelations: { nodes: { type: string; issue: { identifier: string } }[] };
      comments: { nodes: { body: string; createdAt: string; user: { displayName: string } | null }[] };
    };
  }>(
    `query ticket($key: String!) { issue(id: $key) { identifier title url description state { name }
      inverseRelations(first: 50) { nodes { type issue { identifier } } }
      comments(first: 50) { nodes { body createdAt user { displayName } } } } }`,
    { key },
  );
  return {
    key: issue.identifier,
    title: issue.title,
    state: issue.state.name,
    url: issue.url,
    description: issue.description ?? "",
    blockedBy: issue.inverseRelations.nodes
      .filter(({ type }) => type === "blocks")
      .map(({ issue: { identifier } }) => identifier),
    comments: issue.comments.nodes
      .map(({ body, createdAt, user }) => ({ by: user?.displayName ?? "somebody", at: createdAt, body }))
      .sort((a, b) => a.at.localeCompare(b.at)),
  };
}

/**
 * Moves a ticket to its team's state of a type: the one that is called `preferred`, or the first on the board. Safe to repeat.
 * @returns the state's name @throws {LinearRefused} when there is no such ticket or state
 */
export async function moveTicket(
  request: LinearRequest,
  key: string,
  type: "unstarted" | "canceled",
  preferred: string,
): Promise<string> {
  const { issue } = await request<{
    issue: { id: string; team: { states: { nodes: { id: string; name: string; type: string; position: number }[] } } };
  }>(`query states($key: String!) { issue(id: $key) { id team { states(first: 100) { nodes { id name type position } } } } }`, {
    key,
  });
  const ofType = issue.team.states.nodes.filter((state) => state.type === type).sort((a, b) => a.position - b.position);
  const target = ofType.find(({ name }) => name === preferred) ?? ofType[0];
  if (!target) throw new LinearRefused(`the team of ${key} has no state of type ${type}`);
  await request(
    `mutation move($id: String!, $stateId: String!) { issueUpdate(id: $id, input: { stateId: $stateId }) { success } }`,
    {
      id: issue.id,
      stateId: target.id,
    },
  );
  return target.name;
}
