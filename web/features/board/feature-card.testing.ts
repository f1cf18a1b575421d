// A feature's card for tests.

import type { FeatureCard } from "../../lib/api.ts";

export const aCard = (overrides: Partial<FeatureCard> = {}): FeatureCard => ({
  address: `omakase/sample/${(overrides.key ?? "OMA-1").toLowerCase()}`,
  key: "OMA-1",
  title: "Round prices",
  url: "http://localhost:4010/issue/OMA-1",
  priority: 0,
  labels: [],
  branch: "agent/oma-1",
  state: "queued",
  hold: "running",
  category: "ready",
  column: "queued",
  label: "Ready",
  mood: "idle",
  stage: "architect",
  reasons: [],
  failure: null,
  actions: ["pause", "cancel"],
  pullRequest: null,
  costUsd: 0,
  stateSince: 0,
  sequence: 1,
  createdAt: 0,
  ...overrides,
});
