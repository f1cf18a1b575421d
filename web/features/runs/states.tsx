// How a run stands, in one word and a look.

import { CircleCheck, CircleDashed, CirclePlay, CircleX, type LucideIcon, RotateCcw } from "lucide-react";
import { type Fill, Pill } from "../../elements/Pill.tsx";
import type { RunCard } from "../feature/data.ts";

interface Look {
  readonly word: string;
  readonly fill: Fill;
  readonly icon: LucideIcon;
}

const LIVING: Record<Exclude<RunCard["state"], "ended">, Look> = {
  requested: { word: "Asked for", fill: "none", icon: CircleDashed },
  launched: { word: "Starting", fill: "sky", icon: CircleDashed },
  claimed: { word: "Running", fill: "mango", icon: CirclePlay },
  reported: { word: "Finishing", fill: "mango", icon: CirclePlay },
};

/** Exit codes of docs/design/agents.md: 0 done, 2 a verdict against the work, anything else a failure. */
export function lookOf({ state, exitCode }: Pick<RunCard, "state" | "exitCode">): Look {
  if (state !== "ended") return LIVING[state];
  if (exitCode === 0) return { word: "Done", fill: "lime", icon: CircleCheck };
  if (exitCode === 2) return { word: "Sent back", fill: "pink", icon: RotateCcw };
  return { word: "Failed", fill: "danger", icon: CircleX };
}

export function RunPill({ run }: { run: Pick<RunCard, "state" | "exitCode"> }) {
  const { word, fill, icon: Icon } = lookOf(run);
  return (
    <Pill fill={fill} icon={<Icon size={14} />}>
      {word}
    </Pill>
  );
}
