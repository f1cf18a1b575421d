// How each category of state looks: one total table, used by cards, pills and bars alike.

import type { Category } from "@omakase/machines/view";
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CirclePlay,
  CircleX,
  Hourglass,
  Link2,
  type LucideIcon,
  TimerReset,
  UserRound,
} from "lucide-react";
import { type Fill, type Pattern, Pill } from "./Pill.tsx";

export interface CategoryLook {
  /** One word, as in a filter. */
  readonly word: string;
  readonly icon: LucideIcon;
  readonly fill: Fill;
  readonly pattern: Pattern;
}

export const CATEGORY_LOOK: Record<Category, CategoryLook> = {
  queued: { word: "Queued", icon: CircleDashed, fill: "none", pattern: "none" },
  ready: { word: "Ready", icon: Hourglass, fill: "sky", pattern: "none" },
  blocked: { word: "Blocked", icon: Link2, fill: "violet", pattern: "hatch" },
  working: { word: "Working", icon: CirclePlay, fill: "mango", pattern: "none" },
  waitingForRetry: { word: "Retry soon", icon: TimerReset, fill: "pink", pattern: "dots" },
  needsYou: { word: "Needs you", icon: UserRound, fill: "tomato", pattern: "none" },
  paused: { word: "Paused", icon: CirclePause, fill: "stone", pattern: "stripes" },
  failed: { word: "Failed", icon: CircleX, fill: "danger", pattern: "hatch" },
  done: { word: "Done", icon: CircleCheck, fill: "lime", pattern: "none" },
  cancelled: { word: "Cancelled", icon: Ban, fill: "stone", pattern: "hatch" },
};

/** @param label the state in words; default: the category's own word */
export function CategoryPill({ category, label, className }: { category: Category; label?: string; className?: string }) {
  const { word, icon: Icon, fill, pattern } = CATEGORY_LOOK[category];
  return (
    <Pill fill={fill} pattern={pattern} icon={<Icon size={14} />} className={className}>
      {label ?? word}
    </Pill>
  );
}
