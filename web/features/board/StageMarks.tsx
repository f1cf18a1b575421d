// The four stages of a feature in a row: the letter of the role, and a shape for how far it is.

import { ROLES, type Role } from "@omakase/machines/roles";
import { cx } from "../../elements/class-names.ts";
import type { StageMarks as Marks, StageMark } from "./stages.ts";

const LOOK: Record<StageMark, { readonly words: string; readonly className: string }> = {
  done: { words: "done", className: "bg-lime text-ink" },
  now: { words: "at work", className: "bg-mango text-ink ring-2 ring-line" },
  next: { words: "next", className: "border-dashed" },
  ahead: { words: "to come", className: "border-dotted text-muted" },
  unknown: { words: "stopped", className: "border-dotted text-muted pattern-hatch" },
};
const LETTERS: Record<Role, string> = { architect: "A", coder: "C", reviewer: "R", tester: "T" };

export function StageMarks({ marks }: { marks: Marks }) {
  const words = ROLES.map((role) => `${role} ${LOOK[marks[role]].words}`).join(", ");
  return (
    <span role="img" aria-label={`Stages: ${words}`} title={words} className="inline-flex gap-1">
      {ROLES.map((role) => (
        <span
          key={role}
          className={cx(
            "grid size-5 place-items-center rounded border-2 font-mono text-[0.625rem] leading-none font-bold",
            LOOK[marks[role]].className,
          )}
        >
          {LETTERS[role]}
        </span>
      ))}
    </span>
  );
}
