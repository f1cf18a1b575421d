"use client";
// What a project may spend and has, its breakers, and the whole organisation's brake. Everybody reads it; an admin changes it.

import { useMutation, useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { Card } from "../../elements/Card.tsx";
import { useNow } from "../../elements/now.ts";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import { AccountFigures } from "./AccountFigures.tsx";
import { ActNote } from "./ActNote.tsx";
import { LimitsForm, numberOf } from "./LimitsForm.tsx";
import { OrganizationBrake } from "./OrganizationBrake.tsx";
import { useProject } from "./project.ts";
import { useAct } from "./useAct.ts";

type Budgets = FunctionReturnType<typeof api.budgets.ofProject>;

/** Which month it is does not change more often. */
const CLOCK_MS = 60_000;

export function BudgetsView() {
  const { address } = useProject();
  const now = useNow(CLOCK_MS);
  const found = useQuery(api.budgets.ofProject, { project: address, now });
  if (found === undefined) {
    return (
      <Loading what="the budgets" className="flex flex-col gap-4">
        <Skeleton className="h-40" />
        <Skeleton className="h-40" />
      </Loading>
    );
  }
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 lg:grid-cols-2">
      <h2 className="sr-only">Budgets</h2>
      <PanelBoundary what="The budgets">
        <Spending found={found} />
      </PanelBoundary>
      <PanelBoundary what="The ceilings">
        <Ceilings found={found} />
      </PanelBoundary>
      <PanelBoundary what="The organisation">
        <OrganizationBrake hold={found.hold} />
      </PanelBoundary>
    </div>
  );
}

const NAMES = { run: "A run", feature: "A feature", project: "This project", organization: "The whole organisation" } as const;

function Spending({ found: { accounts, budgets } }: { found: Budgets }) {
  const { address, role } = useProject();
  const set = useMutation(api.budgets.set);
  const setOrganization = useMutation(api.budgets.setOrganization);
  const { act, run } = useAct();
  const organization = accounts.find(({ level }) => level === "organization");
  return (
    <Card className="flex flex-col gap-4">
      <h3 className="text-lg">Spent this month</h3>
      {accounts.map((account) => (
        <section key={account.level} aria-label={NAMES[account.level]} className="flex flex-col gap-1">
          <h4 className="font-semibold">
            {NAMES[account.level]}, {account.period} (UTC), {account.runs} runs
          </h4>
          <AccountFigures account={account} name={NAMES[account.level]} />
        </section>
      ))}
      <LimitsForm
        title="Limits in dollars"
        hint="Empty: no limit. A run reserves its whole ceiling before it is launched, so these are never passed by starting one."
        isAdmin={role === "admin"}
        fields={[
          { name: "feature", label: "Each feature, in all", value: budgets.feature.usd },
          { name: "month", label: "This project, a month", value: budgets.month.usd },
          { name: "organization", label: "The organisation, a month", value: organization?.allowance.usd ?? null },
        ]}
        onSave={(values) =>
          void run(async () => {
            const act = { project: address, reason: "" };
            const feature = { usd: numberOf(values.feature), tokens: budgets.feature.tokens };
            const month = { usd: numberOf(values.month), tokens: budgets.month.tokens };
            await set({ ...act, feature, month, key: crypto.randomUUID() });
            const theirs = { usd: numberOf(values.organization), tokens: organization?.allowance.tokens ?? null };
            if (theirs.usd !== (organization?.allowance.usd ?? null))
              await setOrganization({ ...act, month: theirs, key: crypto.randomUUID() });
          })
        }
      />
      <ActNote act={act} done="Saved. Whoever waited for budget tries again." />
    </Card>
  );
}

function Ceilings({ found: { settings } }: { found: Budgets }) {
  const { address, role } = useProject();
  const configure = useMutation(api.projects.configure);
  const { act, run } = useAct();
  return (
    <Card className="flex flex-col gap-4">
      <h3 className="text-lg">Ceilings and breakers</h3>
      <LimitsForm
        title="A run, and a feature that only burns"
        hint="A run that meets its ceiling is stopped inside. A feature that meets a breaker needs a person, who may grant it all anew by retrying."
        isAdmin={role === "admin"}
        fields={[
          { name: "maxBudgetUsd", label: "Dollars of one run", value: settings.agent.maxBudgetUsd },
          { name: "maxTokens", label: "Tokens of one run", value: settings.agent.maxTokens },
          { name: "maxRuns", label: "Runs of one feature", value: settings.maxRuns },
          { name: "maxUsdWithoutProgress", label: "Dollars without progress", value: settings.maxUsdWithoutProgress },
          { name: "maxTurnsWithoutProgress", label: "Turns without progress", value: settings.maxTurnsWithoutProgress },
        ]}
        onSave={(values) =>
          void run(() =>
            configure({
              project: address,
              key: crypto.randomUUID(),
              settings: {
                ...settings,
                maxRuns: Number(values.maxRuns),
                maxUsdWithoutProgress: Number(values.maxUsdWithoutProgress),
                maxTurnsWithoutProgress: Number(values.maxTurnsWithoutProgress),
                agent: {
                  ...settings.agent,
                  maxBudgetUsd: Number(values.maxBudgetUsd),
                  maxTokens: Number(values.maxTokens),
                },
              },
            }),
          )
        }
      />
      <ActNote act={act} done="Saved. It counts from the next permit on." />
    </Card>
  );
}
