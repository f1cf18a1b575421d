// A team member as a picture: species by role, pose by mood. Its alternative text says name, role and mood.

import type { Mood } from "@omakase/machines/view";
import { cx } from "../class-names.ts";
import { Face, MOOD_WORDS, MoodSign } from "./moods.tsx";
import { SPECIES, type Species } from "./species.tsx";

export type { Species } from "./species.tsx";

/**
 * @param name this one's own name; default: the species
 * @param size width and height in px; default 48
 * @param isDecorative the words stand beside it already: hidden from screen readers
 */
export function Mascot({
  species,
  mood,
  name,
  size = 48,
  isDecorative = false,
  className,
}: {
  species: Species;
  mood: Mood;
  name?: string;
  size?: number;
  isDecorative?: boolean;
  className?: string;
}) {
  const { name: animal, role, fill, face, body, prop } = SPECIES[species];
  const alternative = `${name ?? animal}, ${role.toLowerCase()}, ${MOOD_WORDS[mood]}`;
  const isBusy = mood === "working" || mood === "testing";
  return (
    <svg
      viewBox="0 0 64 64"
      width={size}
      height={size}
      fill="none"
      className={cx("shrink-0 overflow-visible", isBusy && "animate-bob", className)}
      style={{ "--body": mood === "offline" ? "var(--color-stone)" : `var(--color-${fill})` } as React.CSSProperties}
      role={isDecorative ? "presentation" : "img"}
      aria-hidden={isDecorative}
      aria-label={alternative}
    >
      {body}
      <Face face={face} mood={mood} />
      {prop}
      <MoodSign mood={mood} />
    </svg>
  );
}
