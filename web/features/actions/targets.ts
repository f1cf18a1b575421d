// From what a page shows of an actor to what a command is aimed at.

import type { FeatureCard, ProjectCard } from "../../lib/api.ts";
import type { Target } from "./registry.ts";

export const featureTarget = ({
  address,
  key,
  label,
  actions,
}: Pick<FeatureCard, "address" | "key" | "label" | "actions">): Target => ({
  kind: "feature",
  address,
  name: key,
  label,
  actions,
});

export const projectTarget = ({
  address,
  name,
  label,
  actions,
}: Pick<ProjectCard, "address" | "name" | "label" | "actions">): Target => ({
  kind: "project",
  address,
  name,
  label,
  actions,
});
