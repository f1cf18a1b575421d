// From what a page shows of an actor to what a command is aimed at.

import type { FeatureCard, ProjectCard } from "../../lib/api.ts";
import type { Target } from "./registry.ts";

export const featureTarget = ({
  address,
  key,
  label,
  actions,
  sequence,
}: Pick<FeatureCard, "address" | "key" | "label" | "actions" | "sequence">): Target => ({
  kind: "feature",
  address,
  name: key,
  label,
  actions,
  stamp: String(sequence),
});

/** A project's card has no sequence number: its state, words and actions stand for it. */
export const projectTarget = ({
  address,
  name,
  label,
  actions,
  state,
}: Pick<ProjectCard, "address" | "name" | "label" | "actions" | "state">): Target => ({
  kind: "project",
  address,
  name,
  label,
  actions,
  stamp: [state, label, ...actions].join(" "),
});
