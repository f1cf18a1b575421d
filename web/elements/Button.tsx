"use client";
// Buttons and links that look like them. A button that cannot be used now stays focusable and says why.

import Link from "next/link";
import type { ComponentProps, ReactNode } from "react";
import { cx } from "./class-names.ts";
import { Hint } from "./Hint.tsx";

export type ButtonTone = "primary" | "plain" | "danger" | "quiet";
export type ButtonSize = "md" | "sm";

const TONES: Record<ButtonTone, string> = {
  primary: "bg-mango text-ink",
  plain: "bg-panel text-text",
  danger: "bg-danger text-ink",
  quiet: "bg-transparent text-text border-transparent hover:border-line",
};
const SIZES: Record<ButtonSize, string> = { md: "min-h-10 px-4 text-base", sm: "min-h-8 px-2.5 text-sm" };

const look = (tone: ButtonTone, size: ButtonSize, isDisabled: boolean, className: string | undefined) =>
  cx(
    "inline-flex items-center justify-center gap-2 rounded-control border-2 font-semibold leading-tight no-underline select-none",
    SIZES[size],
    isDisabled ? "border-dashed bg-paper text-muted" : cx(TONES[tone], tone !== "quiet" && "lift-sm press"),
    className,
  );

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled" | "aria-disabled"> {
  tone?: ButtonTone;
  size?: ButtonSize;
  /** Drawn before the text, hidden from screen readers. */
  icon?: ReactNode;
  /** Why it cannot be used now, and who may; null when it can. It stays focusable and tells on hover and focus. */
  disabledReason?: string | null;
}

export function Button({
  tone = "plain",
  size = "md",
  icon,
  disabledReason = null,
  className,
  onClick,
  children,
  ...rest
}: ButtonProps) {
  const isDisabled = disabledReason !== null;
  return (
    <Hint text={disabledReason}>
      <button
        type="button"
        {...rest}
        aria-disabled={isDisabled || undefined}
        aria-description={disabledReason ?? rest["aria-description"]}
        onClick={isDisabled ? (event) => event.preventDefault() : onClick}
        className={look(tone, size, isDisabled, className)}
      >
        {icon && <span aria-hidden="true">{icon}</span>}
        {children}
      </button>
    </Hint>
  );
}

export function ButtonLink({
  tone = "plain",
  size = "md",
  icon,
  className,
  children,
  ...rest
}: ComponentProps<typeof Link> & Pick<ButtonProps, "tone" | "size" | "icon">) {
  return (
    <Link {...rest} className={look(tone, size, false, className)}>
      {icon && <span aria-hidden="true">{icon}</span>}
      {children}
    </Link>
  );
}
