// Moves tickets in Linear as a person does: through Linear's API, with the stock client and a person's key.

import { LinearClient, LinearDocument } from "@linear/sdk";
import type { Launch } from "@omakase/local-launcher/launch";

export class Tickets {
  private readonly linear: LinearClient;
  /** By team and name: "OMA Todo". */
  private readonly states = new Map<string, string>();

  constructor(launch: Pick<Launch, "stack" | "secrets">, apiUrl = launch.stack.linear.apiUrl) {
    this.linear = new LinearClient({ apiKey: launch.secrets.linearPersonKey, apiUrl });
  }

  async move(key: string, stateName: string): Promise<void> {
    const team = key.slice(0, key.indexOf("-"));
    if (!this.states.has(`${team} ${stateName}`)) {
      const { nodes } = await this.linear.workflowStates({ first: 100, filter: { team: { key: { eq: team } } } });
      for (const state of nodes) this.states.set(`${team} ${state.name}`, state.id);
    }
    const stateId = this.states.get(`${team} ${stateName}`);
    if (!stateId) throw new Error(`Linear has no state ${stateName} in ${team}`);
    const issue = await this.linear.issue(key);
    await this.linear.updateIssue(issue.id, { stateId });
  }

  async create(teamKey: string, title: string, description = ""): Promise<{ id: string; key: string }> {
    const team = (await this.linear.teams({ filter: { key: { eq: teamKey } } })).nodes[0];
    if (!team) throw new Error(`Linear has no team ${teamKey}`);
    const made = await (await this.linear.createIssue({ teamId: team.id, title, description })).issue;
    if (!made) throw new Error("Linear made no issue");
    return { id: made.id, key: made.identifier };
  }

  /** One issue blocks another, by their ids. */
  async block(blocker: string, blocked: string): Promise<void> {
    await this.linear.createIssueRelation({
      issueId: blocker,
      relatedIssueId: blocked,
      type: LinearDocument.IssueRelationType.Blocks,
    });
  }

  /** The comments on a ticket, oldest first, and its state's name. */
  async look(key: string): Promise<{ state: string; comments: string[] }> {
    const issue = await this.linear.issue(key);
    const [state, comments] = await Promise.all([issue.state, issue.comments({ first: 100 })]);
    return { state: state?.name ?? "", comments: comments.nodes.map(({ body }) => body).reverse() };
  }
}
