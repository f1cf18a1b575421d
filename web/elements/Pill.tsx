// A short fact with a fill, a line around it and an icon: its words carry it, colour and pattern only help.

import type { ComponentProps, ReactNode } from "react";
import { cx } from "./class-names.ts";

export type Fill = "tomato" | "mango" | "lime" | "mint" | "sky" | "violet" | "pink" | "danger" | "stone" | "none";
export type Pattern = "dots" | "stripes" | "hatch" | "none";

export const FILLS: Record<Fill, string> = {
  tomato: "bg-tomato text-ink",
  mango: "bg-mango text-ink",
  lime: "bg-lime text-ink",
  mint: "bg-mint text-ink",
  sky: "bg-sky text-ink",
  violet: "bg-violet text-ink",
  pink: "bg-pink text-ink",
  danger: "bg-danger text-ink",
  stone: "bg-stone text-ink",
  none: "bg-panel text-text",
};

export const PATTERNS: Record<Pattern, string> = {
  dots: "pattern-dots",
  stripes: "pattern-stripes",
  hatch: "pattern-hatch",
  none: "",
};

export function Pill({
  fill = "none",
  pattern = "none",
  icon,
  className,
  children,
  ...rest
}: ComponentProps<"span"> & { fill?: Fill; pattern?: Pattern; icon?: ReactNode }) {
  return (
    <span
      {...rest}
      className={cx(
        "inline-flex min-h-6 max-w-full items-center gap-1.5 rounded-full border-2 px-2 text-xs leading-tight font-semibold",
        FILLS[fill],
        PATTERNS[pattern],
        className,
      )}
    >
      {icon && (
        <span aria-hidden="true" className="shrink-0">
          {icon}
        </span>
      )}
      <span className="truncate">{children}</span>
    </span>
  );
}
