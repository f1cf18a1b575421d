// What the parts of one run share, from its claim to its last word.

import type { Assignment } from "./assignment.ts";
import type { CommitOrigin } from "./commit-message.ts";
import type { EventLog } from "./events.ts";
import type { Masking } from "./masking.ts";
import type { Stop } from "./stop.ts";

export interface RunnerSettings {
  /** The orchestrator as this container reaches it. */
  readonly url: string;
  readonly run: string;
  readonly code: string;
  /** The Claude Code program. */
  readonly claude: string;
  readonly path: string;
  /** Where this run makes a folder of its own. */
  readonly tmp: string;
  /** For the container's own log: a fixed name, then fields. */
  readonly say: (event: string, fields: Readonly<Record<string, string | number | null>>) => void;
}

/** One claimed run. */
export interface Live {
  readonly settings: RunnerSettings;
  readonly assignment: Assignment;
  /** A folder of this run alone, removed at its end. */
  readonly folder: string;
  readonly log: EventLog;
  readonly masking: Masking;
  readonly stop: Stop;
  /** When the wall clock runs out, by `performance.now()`. */
  readonly deadlineMs: number;
}

export const originOf = ({ ticket, run, agent }: Assignment): CommitOrigin => ({ ticketKey: ticket.key, run, agent });
