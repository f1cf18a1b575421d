import { ButtonLink } from "../elements/Button.tsx";
import { EmptyState } from "../elements/EmptyState.tsx";
import { HintProvider } from "../elements/Hint.tsx";
import { Mascot } from "../elements/mascot/Mascot.tsx";

export default function NotFound() {
  return (
    <HintProvider>
      <main className="mx-auto max-w-2xl p-6">
        <EmptyState
          title="There is no such page"
          mascot={<Mascot species="orchestrator" mood="stuck" size={112} />}
          action={<ButtonLink href="/projects">Your projects</ButtonLink>}
        >
          The address may be old, or something was left out when it was copied.
        </EmptyState>
      </main>
    </HintProvider>
  );
}
