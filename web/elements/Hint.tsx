"use client";
// A word about a control, on hover and on focus. What it says is also the control's description, so it is never only visual.

import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";

export function HintProvider({ children }: { children: ReactNode }) {
  return <Tooltip.Provider delayDuration={200}>{children}</Tooltip.Provider>;
}

/** Without a text it draws its child alone. The child must be one element that takes a ref. */
export function Hint({ text, children }: { text: string | null; children: ReactNode }) {
  if (text === null) return children;
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-72 rounded-control border-2 bg-panel px-2.5 py-1.5 text-sm text-text lift-sm"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
