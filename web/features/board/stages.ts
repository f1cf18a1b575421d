// How far a feature has come, as four marks.

import { ROLES, type Role } from "@omakase/machines/roles";
import type { FeatureCard } from "../../lib/api.ts";

/** `unknown`: it stopped, and its card does not say where. */
export type StageMark = "done" | "now" | "next" | "ahead" | "unknown";

export type StageMarks = Readonly<Record<Role, StageMark>>;

const all = (mark: StageMark): StageMarks => ({ architect: mark, coder: mark, reviewer: mark, tester: mark });

/** All stages before one are done, those after it lie ahead. */
function upTo(stage: Role, mark: StageMark): StageMarks {
  const at = ROLES.indexOf(stage);
  const marks = ROLES.map((role, index): [Role, StageMark] => [role, index < at ? "done" : index === at ? mark : "ahead"]);
  return { ...all("ahead"), ...Object.fromEntries(marks) };
}

export function stageMarks({ stage, state, category, column }: Pick<FeatureCard, "stage" | "state" | "category" | "column">) {
  if (stage !== null) return upTo(stage, category === "working" ? "now" : "next");
  if (state === "approval") return upTo("coder", "next");
  if (state === "publishing" || state === "passing" || state === "merged") return all("done");
  if (column === "failed" || column === "cancelled" || column === "needsYou") return all("unknown");
  return all("ahead");
}
