// The landing page: the promise, the four steps, the machine itself, and what it does not do with your code.

import { ROLES, type Role } from "@omakase/machines/roles";
import { GitMerge, KeyRound, ScrollText, ShieldCheck } from "lucide-react";
import { ButtonLink } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { HintProvider } from "../../elements/Hint.tsx";
import { Mascot, type Species } from "../../elements/mascot/Mascot.tsx";
import { Logo } from "../shell/Logo.tsx";
import { MachineDemo } from "./MachineDemo.tsx";

const STEPS: Record<Role, { readonly title: string; readonly text: string; readonly mood: "thinking" | "working" | "testing" }> =
  {
    architect: {
      title: "Plan",
      text: "Reads the ticket and the code, and writes down what has to change and why.",
      mood: "thinking",
    },
    coder: { title: "Code", text: "Works on a branch of its own until the plan is carried out, and pushes it.", mood: "working" },
    reviewer: {
      title: "Review",
      text: "Reads the difference like a colleague, and sends it back when it is not right.",
      mood: "working",
    },
    tester: { title: "Test", text: "Runs the tests, adds missing ones, and attaches the evidence.", mood: "testing" },
  };

const TEAM: readonly { readonly species: Species; readonly mood: "proud" | "thinking" | "working" | "testing" | "idle" }[] = [
  { species: "architect", mood: "thinking" },
  { species: "coder", mood: "working" },
  { species: "orchestrator", mood: "proud" },
  { species: "reviewer", mood: "idle" },
  { species: "tester", mood: "testing" },
];

const PROMISES = [
  { icon: GitMerge, text: "Agents open pull requests. People merge them." },
  { icon: KeyRound, text: "Who may start, pause or cancel work is checked on the server, by role." },
  { icon: ScrollText, text: "Every step of every agent is recorded with its cause, and every act of a person with their name." },
  { icon: ShieldCheck, text: "This page loads nothing from anybody else. Secrets are masked before a log is stored." },
] as const;

export function Landing({ isSignedIn }: { isSignedIn: boolean }) {
  const enter = isSignedIn ? { href: "/projects", words: "Open projects" } : { href: "/auth/login", words: "Sign in" };
  return (
    <HintProvider>
      <div className="mx-auto flex max-w-6xl flex-col gap-16 px-4 pb-16 sm:px-6">
        <header className="flex min-h-16 items-center justify-between gap-3">
          <Logo href="/" />
          <ButtonLink href={enter.href} prefetch={false}>
            {enter.words}
          </ButtonLink>
        </header>
        <main className="flex flex-col gap-16">
          <section className="grid items-center gap-8 lg:grid-cols-[1.2fr_1fr]">
            <div className="flex flex-col items-start gap-5">
              <h1 className="text-4xl leading-tight sm:text-6xl">Tickets in. Reviewed pull requests out.</h1>
              <p className="max-w-prose text-lg">
                Omakase gives every ticket to a small team of coding agents and shows you what each of them is doing, why, and
                what you can do about it.
              </p>
              <ButtonLink tone="primary" href={enter.href} prefetch={false} className="min-h-12 px-6 text-lg">
                {enter.words}
              </ButtonLink>
            </div>
            <Card className="bg-pink p-6 pt-10">
              <div className="flex flex-wrap items-end justify-center gap-4 [--line:var(--color-ink)]">
                {TEAM.map(({ species, mood }) => (
                  <Mascot key={species} species={species} mood={mood} size={species === "orchestrator" ? 104 : 62} />
                ))}
              </div>
            </Card>
          </section>

          <section aria-labelledby="steps" className="flex flex-col gap-6">
            <h2 id="steps" className="text-3xl">
              Four pairs of hands for every ticket
            </h2>
            <ol className="grid gap-5 sm:grid-cols-2 lg:grid-cols-4">
              {ROLES.map((role, index) => (
                <li key={role}>
                  <Card className="flex h-full flex-col gap-3">
                    <div className="flex items-center justify-between">
                      <Mascot species={role} mood={STEPS[role].mood} size={72} />
                      <span className="font-display text-4xl font-bold" aria-hidden="true">
                        {index + 1}
                      </span>
                    </div>
                    <h3 className="text-xl">{STEPS[role].title}</h3>
                    <p className="text-muted">
                      The {role}. {STEPS[role].text}
                    </p>
                  </Card>
                </li>
              ))}
            </ol>
          </section>

          <section aria-labelledby="machine" className="flex flex-col gap-6">
            <div>
              <h2 id="machine" className="text-3xl">
                This is the machine itself
              </h2>
              <p className="mt-2 max-w-prose text-muted">
                Not a film of it: the state machine that carries every feature, running in your browser. Nothing happens that it
                does not allow, and everything it does can be looked up afterwards.
              </p>
            </div>
            <MachineDemo />
          </section>

          <section aria-labelledby="promises" className="flex flex-col gap-6">
            <h2 id="promises" className="text-3xl">
              Your code stays yours
            </h2>
            <ul className="grid gap-4 sm:grid-cols-2">
              {PROMISES.map(({ icon: Icon, text }) => (
                <li key={text} className="flex gap-3 rounded-card border-2 bg-panel p-4">
                  <Icon aria-hidden="true" size={24} className="shrink-0" />
                  {text}
                </li>
              ))}
            </ul>
          </section>
        </main>
      </div>
    </HintProvider>
  );
}
