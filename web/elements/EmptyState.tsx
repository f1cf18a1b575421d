// Nothing here: what will appear, why it is empty now, and one next step.

import type { ReactNode } from "react";

export function EmptyState({
  title,
  mascot,
  action,
  children,
}: {
  title: string;
  mascot?: ReactNode;
  action?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-card border-2 border-dashed px-6 py-10 text-center">
      {mascot}
      <h2 className="text-xl">{title}</h2>
      {children && <div className="max-w-prose text-muted">{children}</div>}
      {action}
    </div>
  );
}
