// Everything a person may ask of an actor, once: its words, who may, what it asks back. Buttons, menus and tests read this table and
// nothing else. Whether the machine accepts it now comes from the actor's view (`actions`); the server has the last word.

import type { Action } from "@omakase/machines/view";
import type { MembershipRole } from "../../lib/api.ts";

export const COMMAND_NAMES = [
  "start",
  "resume",
  "retry",
  "approve",
  "reject",
  "pauseStarts",
  "pause",
  "pauseNow",
  "stop",
  "cancel",
  "archive",
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];
export type TargetKind = "project" | "feature";

/** What a command is aimed at: the part of a feature's or project's card that the registry needs. */
export interface Target {
  readonly kind: TargetKind;
  readonly address: string;
  /** "OMA-1", "Sample kitchen". */
  readonly name: string;
  /** Its state in words. */
  readonly label: string;
  /** What its machine accepts from a person now. */
  readonly actions: readonly string[];
}

/** The question before a command is sent. */
export interface Question {
  readonly title: (name: string) => string;
  /** What it does, how far it reaches, and what it does not undo. */
  readonly body: string;
  /** The text that goes with it. */
  readonly text: {
    readonly field: "reason" | "note";
    readonly label: string;
    readonly isRequired: boolean;
  };
  /** Whether the stage to begin with can be chosen. */
  readonly asksStage: boolean;
  readonly confirm: string;
  /** The other way out, named by its outcome. */
  readonly dismiss: string;
}

export interface Command {
  readonly action: Action;
  /** For pause. */
  readonly mode: "starts" | "drain" | "now" | null;
  readonly kinds: readonly TargetKind[];
  readonly label: string;
  /** What came of it, while the actor has not moved yet: "asked to …". */
  readonly asked: string;
  readonly needs: "developer" | "admin";
  readonly isIrreversible: boolean;
  readonly question: Question | null;
}

export const COMMANDS: Record<CommandName, Command> = {
  start: {
    action: "start",
    mode: null,
    kinds: ["feature"],
    label: "Start",
    asked: "to start",
    needs: "developer",
    isIrreversible: false,
    question: null,
  },
  resume: {
    action: "resume",
    mode: null,
    kinds: ["project", "feature"],
    label: "Resume",
    asked: "to resume",
    needs: "developer",
    isIrreversible: false,
    question: null,
  },
  retry: {
    action: "retry",
    mode: null,
    kinds: ["feature"],
    label: "Retry",
    asked: "to try again",
    needs: "developer",
    isIrreversible: false,
    question: {
      title: (name) => `Try ${name} again?`,
      body: "Its dependencies are read again, then it queues for a place. The branch keeps what earlier runs have pushed. New runs cost money again.",
      text: { field: "note", label: "Note to the next agent", isRequired: false },
      asksStage: true,
      confirm: "Retry",
      dismiss: "Leave it as it is",
    },
  },
  approve: {
    action: "approve",
    mode: null,
    kinds: ["feature"],
    label: "Approve plan",
    asked: "to go on with the plan",
    needs: "developer",
    isIrreversible: false,
    question: null,
  },
  reject: {
    action: "reject",
    mode: null,
    kinds: ["feature"],
    label: "Reject plan",
    asked: "to plan again",
    needs: "developer",
    isIrreversible: false,
    question: {
      title: (name) => `Send the plan of ${name} back?`,
      body: "The architect plans again with your note.",
      text: { field: "note", label: "What should be different", isRequired: true },
      asksStage: false,
      confirm: "Send back",
      dismiss: "Keep the plan waiting",
    },
  },
  pauseStarts: {
    action: "pause",
    mode: "starts",
    kinds: ["project"],
    label: "Start nothing new",
    asked: "to start nothing new",
    needs: "developer",
    isIrreversible: false,
    question: null,
  },
  pause: {
    action: "pause",
    mode: "drain",
    kinds: ["project", "feature"],
    label: "Pause after this stage",
    asked: "to pause after this stage",
    needs: "developer",
    isIrreversible: false,
    question: null,
  },
  pauseNow: {
    action: "pause",
    mode: "now",
    kinds: ["project", "feature"],
    label: "Pause now",
    asked: "to pause now",
    needs: "developer",
    isIrreversible: true,
    question: {
      title: (name) => `Pause ${name} now?`,
      body: "Running agents are told to stop and hand in what they have; the stage they were in starts over when you resume. Money already spent stays spent.",
      text: { field: "reason", label: "Reason", isRequired: false },
      asksStage: false,
      confirm: "Pause now",
      dismiss: "Keep running",
    },
  },
  stop: {
    action: "stop",
    mode: null,
    kinds: ["project"],
    label: "Emergency stop",
    asked: "to stop everything",
    needs: "admin",
    isIrreversible: true,
    question: {
      title: (name) => `Stop everything in ${name}?`,
      body: "Every agent of the project is stopped at once, nothing starts, and only an admin can resume. Stages that were at work start over then. Commits already pushed, open pull requests and money spent are not undone.",
      text: { field: "reason", label: "Reason", isRequired: true },
      asksStage: false,
      confirm: "Stop everything",
      dismiss: "Keep running",
    },
  },
  cancel: {
    action: "cancel",
    mode: null,
    kinds: ["feature"],
    label: "Cancel feature",
    asked: "to cancel",
    needs: "developer",
    isIrreversible: true,
    question: {
      title: (name) => `Cancel ${name}?`,
      body: "Its agent is stopped and its place given back. Commits already pushed, an open pull request and money spent are not undone. Features that wait for it keep waiting.",
      text: { field: "reason", label: "Reason", isRequired: false },
      asksStage: false,
      confirm: "Cancel feature",
      dismiss: "Keep the feature",
    },
  },
  archive: {
    action: "archive",
    mode: null,
    kinds: ["project"],
    label: "Archive project",
    asked: "to be archived",
    needs: "admin",
    isIrreversible: true,
    question: {
      title: (name) => `Archive ${name}?`,
      body: "The project takes no more tickets and starts no more agents, for everybody. Branches, pull requests and tickets stay as they are.",
      text: { field: "reason", label: "Reason", isRequired: false },
      asksStage: false,
      confirm: "Archive project",
      dismiss: "Keep the project",
    },
  },
};

/** The commands for one kind of actor, in the order they are shown. */
export const commandsFor = (kind: TargetKind): readonly CommandName[] =>
  COMMAND_NAMES.filter((name) => COMMANDS[name].kinds.includes(kind));

const RANK: Record<MembershipRole, number> = { viewer: 0, developer: 1, admin: 2 };
const WHO_MAY: Record<Command["needs"], string> = { developer: "Developers and admins", admin: "Admins" };

/**
 * Why this person cannot do it now, in words; null when they can.
 * @param isConnected whether what is shown is live: nobody acts on old news
 */
export function reasonAgainst(name: CommandName, target: Target, role: MembershipRole, isConnected: boolean): string | null {
  const { needs, action } = COMMANDS[name];
  if (RANK[role] < RANK[needs]) return `You are a ${role} here. ${WHO_MAY[needs]} may do this: ask an admin of the organisation.`;
  if (!isConnected) return "Offline: what you see may be old. This works again once the connection is back.";
  if (!target.actions.includes(action)) return `${target.name} does not take this while it is “${target.label}”.`;
  return null;
}
