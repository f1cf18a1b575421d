// What came of an act, where it was made; always there for screen readers.

import type { Act } from "./useAct.ts";

export function ActNote({ act, done }: { act: Act; done: string }) {
  return (
    <p
      role="status"
      className={act.kind === "refused" ? "rounded-control border-2 bg-danger px-3 py-1.5 text-ink" : "text-sm text-muted"}
    >
      {act.kind === "sending" ? "Sending…" : act.kind === "done" ? done : act.kind === "refused" ? act.message : ""}
    </p>
  );
}
