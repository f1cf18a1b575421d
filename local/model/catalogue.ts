// The models this server says it has: today's list, and any other Claude id a client pins.
import { ApiError } from "./errors.ts";

interface ModelInfo {
  readonly type: "model";
  readonly id: string;
  readonly display_name: string;
  readonly created_at: string;
}

const MODELS: readonly ModelInfo[] = [
  { type: "model", id: "claude-opus-5-5", display_name: "Claude Opus 5.5 (scripted)", created_at: "2026-01-01T00:00:00Z" },
  { type: "model", id: "claude-sonnet-5-5", display_name: "Claude Sonnet 5.5 (scripted)", created_at: "2026-01-01T00:00:00Z" },
  { type: "model", id: "claude-haiku-5-5", display_name: "Claude Haiku 5.5 (scripted)", created_at: "2026-01-01T00:00:00Z" },
];

export function catalogue(): object {
  return { data: MODELS, has_more: false, first_id: MODELS[0]?.id ?? null, last_id: MODELS.at(-1)?.id ?? null };
}

/** @throws {ApiError} 404, as Anthropic does, for an id that is no Claude model's */
export function findModel(id: string): ModelInfo {
  const known = MODELS.find((model) => model.id === id);
  if (known) return known;
  if (!/^claude-[a-z0-9.-]{1,60}$/.test(id)) throw new ApiError(404, `model: ${id.slice(0, 80)}`);
  return { type: "model", id, display_name: `${id} (scripted)`, created_at: "2026-01-01T00:00:00Z" };
}
