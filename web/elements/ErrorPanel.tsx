"use client";
// Something did not work: what, what to do, and an id to quote. The rest of the page lives on.

import { RotateCw, TriangleAlert } from "lucide-react";
import { Button } from "./Button.tsx";

export function ErrorPanel({
  title,
  message,
  errorId,
  onRetry,
}: {
  title: string;
  message: string;
  /** To quote when asking for help. */
  errorId?: string | null;
  onRetry?: () => void;
}) {
  return (
    <div role="alert" className="flex flex-col items-start gap-3 rounded-card border-2 bg-panel p-4 lift">
      <h2 className="flex items-center gap-2 text-lg">
        <span className="grid size-8 shrink-0 place-items-center rounded-full border-2 bg-danger text-ink">
          <TriangleAlert aria-hidden="true" size={18} />
        </span>
        {title}
      </h2>
      <p className="max-w-prose break-words">{message}</p>
      {errorId && (
        <p className="text-sm text-muted">
          Error id <code className="font-mono select-all">{errorId}</code>
        </p>
      )}
      {onRetry && (
        <Button size="sm" icon={<RotateCw size={16} />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
