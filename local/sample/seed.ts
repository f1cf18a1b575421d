// Puts the sample organisation in place: a repository with a kitchen's order book, and five tickets in Backlog.
// Everything goes through the public interfaces of GitHub and Linear. Safe to repeat, also after a crash in the middle.
import { type GitHubTarget, type SeededRepository, seedRepository } from "./seed-repository.ts";
import { type LinearTarget, type SeededTicket, seedTickets } from "./seed-tickets.ts";

export interface SampleTargets {
  readonly github: GitHubTarget;
  readonly linear: LinearTarget;
}

export interface Sample {
  readonly repository: SeededRepository;
  readonly tickets: readonly SeededTicket[];
}

/** @throws {SampleError} with what to do, when the far end lacks something or is in use already */
export async function seedSample({ github, linear }: SampleTargets): Promise<Sample> {
  const [repository, tickets] = await Promise.all([seedRepository(github), seedTickets(linear)]);
  return { repository, tickets };
}
