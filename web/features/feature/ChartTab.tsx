"use client";
// The charts of a feature and of each of its agents, one at a time; which one is in the URL.

import { parseAsString, useQueryState } from "nuqs";
import { CATEGORY_LOOK } from "../../elements/category.tsx";
import { cx } from "../../elements/class-names.ts";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { lastPart } from "../transitions/describe.ts";
import { ActorChart } from "./ActorChart.tsx";
import type { FeatureDetails } from "./data.ts";

export function ChartTab({ feature, agents }: Pick<FeatureDetails, "feature" | "agents">) {
  const [wanted, choose] = useQueryState("actor", parseAsString);
  const actors = [{ address: feature.address, name: feature.key, category: feature.category }].concat(
    agents.map(({ address, category }) => ({ address, name: lastPart(address), category })),
  );
  const chosen = actors.find(({ address }) => lastPart(address) === wanted) ?? actors[0];
  if (chosen === undefined) return null;
  return (
    <div className="flex flex-col gap-4">
      <fieldset className="flex flex-wrap gap-2">
        <legend className="sr-only">Whose chart</legend>
        {actors.map(({ address, name, category }) => {
          const { icon: Icon, word } = CATEGORY_LOOK[category];
          const isChosen = address === chosen.address;
          return (
            <button
              key={address}
              type="button"
              aria-pressed={isChosen}
              onClick={() => void choose(address === feature.address ? null : lastPart(address))}
              className={cx(
                "inline-flex min-h-8 items-center gap-1.5 rounded-full border-2 px-3 text-sm font-semibold",
                isChosen ? "bg-mango text-ink" : "bg-panel",
              )}
            >
              <Icon aria-hidden="true" size={14} />
              {name}
              <span className="sr-only">, {word}</span>
            </button>
          );
        })}
      </fieldset>
      <PanelBoundary key={chosen.address} what="The statechart">
        <ActorChart address={chosen.address} />
      </PanelBoundary>
    </div>
  );
}
