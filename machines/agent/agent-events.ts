// What an agent can be told, and what it is born with. Every event of a task names the attempt it belongs to:
// one of an earlier attempt is ignored, however late it comes.

import type { EffectFailed } from "../effects.ts";
import type { AgentAddress } from "../ids.ts";
import type { AgentLimits, BudgetLevel, Role } from "../roles.ts";

export interface AgentInput {
  readonly address: AgentAddress;
  readonly role: Role;
  readonly limits: AgentLimits;
}

/** Whose fault an ending was. Infrastructure is retried without charging an attempt; a verdict and a spent budget are never retried. */
export type FailureClass = "infrastructure" | "agent" | "verdict" | "budget";

export type AgentEvent =
  /** RunTask answered: the task exists. */
  | { readonly type: "task.accepted"; readonly at: number; readonly attempt: number; readonly taskArn: string }
  | {
      readonly type: "task.refused";
      readonly at: number;
      readonly attempt: number;
      readonly class: "infrastructure" | "agent" | "budget";
      readonly reason: string;
      /** Whose budget has no room for it; only with class `budget`. */
      readonly budget?: BudgetLevel;
    }
  /** The launch has not been sent yet: ECS has no room, or its rate limit is reached. Said again every few minutes while that lasts. */
  | { readonly type: "launch.heldBack"; readonly at: number; readonly attempt: number; readonly reason: string }
  | { readonly type: "task.running"; readonly at: number; readonly attempt: number; readonly taskArn: string }
  | {
      readonly type: "task.stopped";
      readonly at: number;
      readonly attempt: number;
      readonly taskArn: string;
      /** Null when the container never ran. 0 done, 1 failed, 2 changes requested. */
      readonly exitCode: number | null;
      /** ECS's stop code, e.g. EssentialContainerExited, TaskFailedToStart, SpotInterruption, UserInitiated. */
      readonly stopCode: string;
      readonly reason: string;
      /** What the run was metered at: counts when it ended without a report. */
      readonly costUsd?: number;
      readonly turns?: number;
    }
  /** The container exchanged its one-time code: the run has really begun. */
  | { readonly type: "agent.claimed"; readonly at: number; readonly attempt: number }
  /** The runner's last word, stored before it exits. */
  | {
      readonly type: "agent.reported";
      readonly at: number;
      readonly attempt: number;
      readonly exitCode: 0 | 1 | 2;
      readonly class: FailureClass | null;
      /** One line for a person; cut to MAX_TEXT. */
      readonly reason: string;
      readonly costUsd: number;
      readonly turns?: number;
      readonly headSha: string | null;
    }
  /** Answer to `checkProgress`. */
  | { readonly type: "progress.checked"; readonly at: number; readonly attempt: number; readonly silentMs: number }
  /** The sweep has not found the task for too long. */
  | { readonly type: "task.lost"; readonly at: number; readonly attempt: number }
  | { readonly type: "stop"; readonly at: number; readonly reason: string }
  | EffectFailed;
