"use client";
// The last boundary below the page's frame: whatever no panel has caught.

import { ErrorPanel } from "../elements/ErrorPanel.tsx";
import { HintProvider } from "../elements/Hint.tsx";
import { refusalOf } from "../elements/refusal.ts";

export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  const { message, requestId } = refusalOf(error);
  return (
    <HintProvider>
      <div className="mx-auto max-w-2xl p-6">
        <ErrorPanel title="This page broke" message={message} errorId={error.digest ?? requestId} onRetry={reset} />
      </div>
    </HintProvider>
  );
}
