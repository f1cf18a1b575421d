// A project's settings as they are used: rows may be older than a setting.

import { DEFAULT_SETTINGS, type PipelineSettings } from "@omakase/machines/roles";
import type { Doc } from "./_generated/dataModel";

/** The stored settings, with the default of each that the row does not have yet. */
export const settingsOf = ({ settings }: Pick<Doc<"projects">, "settings">): PipelineSettings => ({
  ...DEFAULT_SETTINGS,
  ...settings,
  agent: { ...DEFAULT_SETTINGS.agent, ...settings.agent },
});
