// What makes a role a role: its instructions, its tools, the question it is asked and the shape of its answer.

import { join } from "node:path";
import type { Role } from "@omakase/machines";
import type { z } from "zod";
import type { ArchitectResult } from "./architect/result.ts";
import type { CoderResult } from "./coder/result.ts";
import type { ReviewerResult } from "./reviewer/result.ts";
import type { TesterResult } from "./tester/result.ts";

export type RoleResult = ArchitectResult | CoderResult | ReviewerResult | TesterResult;

/** What the question depends on besides the ticket. */
export interface Occasion {
  /** 1 for the first run of this role on this feature. */
  readonly round: number;
  /** 1 for the first launch of this run; more after one that failed. */
  readonly attempt: number;
  /** The project's test command, to be shown in backquotes; null when it has none. */
  readonly testCommand: string | null;
  /** What the work is compared with, a name git understands in the working copy. */
  readonly base: string;
  /** Whether the branch has commits of its own already. */
  readonly hasCommits: boolean;
}

export interface RoleDefinition {
  readonly role: Role;
  /** Becomes `~/.claude/CLAUDE.md` of the run. */
  readonly instructionsFile: string;
  /** The tools Claude Code offers at all. */
  readonly tools: readonly string[];
  /** Permission rules: whatever matches none of them is denied without waiting. */
  readonly allow: readonly string[];
  readonly result: z.ZodType<RoleResult>;
  /** Whether what is left in the working copy is committed and pushed. */
  readonly pushes: boolean;
  /** The task, in our words only: nothing a stranger wrote goes in here. */
  readonly task: (occasion: Occasion) => string;
}

export const instructionsOf = (role: Role): string => join(import.meta.dirname, role, "CLAUDE.md");
