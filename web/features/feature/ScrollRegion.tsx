// A piece of the page that scrolls by itself: named, and reachable by keyboard.

import type { ComponentProps } from "react";

export function ScrollRegion({ label, ...rest }: Omit<ComponentProps<"section">, "tabIndex"> & { label: string }) {
  return (
    <section
      {...rest}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll
      tabIndex={0}
    />
  );
}
