// What stands where something is still loading: in its final size, and only after 150 ms, so that quick answers do not flicker.

import { cx } from "./class-names.ts";

/** Give it the size of what will be there. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <div
      aria-hidden="true"
      className={cx("animate-appear rounded-control border-2 border-dashed border-muted pattern-dots", className)}
    />
  );
}

/** Says to a screen reader what is loading; put the skeletons inside. */
export function Loading({ what, className, children }: { what: string; className?: string; children?: React.ReactNode }) {
  return (
    <div role="status" className={className}>
      <span className="sr-only">Loading {what}…</span>
      {children}
    </div>
  );
}
