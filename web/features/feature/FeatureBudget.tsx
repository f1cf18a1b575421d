"use client";
// What one feature may spend and has, and, for an admin, more of it: a feature that a budget stopped then goes on.

import { useMutation, useQuery } from "convex/react";
import { type FormEvent, useId, useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import { AccountFigures } from "../projects/AccountFigures.tsx";
import { ActNote } from "../projects/ActNote.tsx";
import { useProject } from "../projects/project.ts";
import { useAct } from "../projects/useAct.ts";
import { useIsLive } from "../shell/connection.ts";

export function FeatureBudget({ feature }: { feature: string }) {
  const account = useQuery(api.budgets.ofFeature, { feature });
  const { role } = useProject();
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">Budget</h3>
      {account === undefined ? (
        <Skeleton className="h-10" />
      ) : (
        <>
          <AccountFigures account={account} name="Budget of the feature" />
          {account.allowance.usd !== null && <Raise feature={feature} isAdmin={role === "admin"} />}
        </>
      )}
    </Card>
  );
}

function Raise({ feature, isAdmin }: { feature: string; isAdmin: boolean }) {
  const grant = useMutation(api.budgets.grant);
  const { act, run } = useAct();
  const isLive = useIsLive();
  const [usd, setUsd] = useState("10");
  const field = useId();
  const amount = Number(usd);
  const against = !isAdmin
    ? "Admins may raise a budget: ask an admin of the organisation."
    : !isLive
      ? "Offline: this works again once the connection is back."
      : amount > 0
        ? null
        : "Say first how many dollars.";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (against === null) void run(() => grant({ feature, usd: amount, tokens: 0, reason: "", key: crypto.randomUUID() }));
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-2 border-t-2 pt-3">
      <label htmlFor={field} className="text-sm font-semibold">
        Dollars to add
      </label>
      <div className="flex flex-wrap gap-2">
        <input
          id={field}
          type="number"
          min="0"
          step="any"
          value={usd}
          onChange={({ target: { value } }) => setUsd(value)}
          className="min-h-10 w-28 rounded-control border-2 bg-panel px-2"
        />
        <Button type="submit" disabledReason={against}>
          Raise its budget
        </Button>
      </div>
      <ActNote act={act} done="Raised. If a budget had stopped it, it goes on." />
    </form>
  );
}
