// Effects that are questions to our own memory. `host.commit` answers them in the transaction that asks, of what its whole batch
// leaves behind (C7): nobody performs them, and no answer can be lost.

import type { EffectFailed, Question } from "@omakase/machines/effects";
import type { Id } from "./_generated/dataModel";
import type { DatabaseWriter } from "./_generated/server";
import { announce } from "./announcements.ts";
import { refuse } from "./errors.ts";
import { findReady } from "./ready.ts";
import type { Answer, Settlement } from "./steps.ts";

const KINDS: Readonly<Record<Question["kind"], true>> = { findReady: true, announceToDependents: true };

export const isQuestion = (kind: string): boolean => Object.hasOwn(KINDS, kind);

export interface Questioner {
  readonly address: string;
  readonly shard: number;
  readonly project: Id<"projects">;
  readonly effectId: string;
}

export interface Answered {
  readonly ending: Pick<Settlement, "state" | "error" | "answer">;
  /** Letters to others that answering it posted. */
  readonly mail: readonly Answer[];
}

/** @throws {ConvexError} `badStep` */
export async function answerOf(db: DatabaseWriter, from: Questioner, question: Question): Promise<Answered> {
  switch (question.kind) {
    case "findReady": {
      const project = await db.get(from.project);
      if (project === null || project.address !== from.address)
        return refuse({ code: "badStep", actor: from.address, message: "Only a project can ask who is ready." });
      return { ending: done(JSON.stringify(await findReady(db, project, question))), mail: [] };
    }
    case "announceToDependents": {
      const mail = await announce(db, from, question);
      if (typeof mail !== "string") return { ending: done(null), mail };
      const told: EffectFailed = { type: "effect.failed", at: Date.now(), kind: question.kind, reason: mail };
      return { ending: { state: "failed", error: mail, answer: JSON.stringify(told) }, mail: [] };
    }
    default:
      return question satisfies never;
  }
}

const done = (answer: string | null): Answered["ending"] => ({ state: "done", error: null, answer });
