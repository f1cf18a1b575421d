// What one launch changes of its definition. Everyone who may describe a task reads these: no secret belongs here.
import { fargateSize, type TaskSize } from "../domain/fargate.ts";
import type { NameValue } from "../domain/task.ts";
import { invalidParameter } from "../errors.ts";
import type { Fields } from "./fields.ts";
import { type Definition, readEnvironment } from "./task-definitions.ts";

/** All overrides of a launch together, JSON included. */
const MAX_CHARACTERS = 8192;

export interface Overrides {
  /** As DescribeTasks shows them. */
  readonly wire: Readonly<Record<string, unknown>>;
  /** Null: the definition's. */
  readonly command: readonly string[] | null;
  readonly environment: readonly NameValue[];
  readonly size: TaskSize;
}

/** @throws {AwsError} for more than 8192 characters, a container the definition does not have, or a size Fargate does not have */
export function readOverrides(request: Fields | undefined, definition: Definition): Overrides {
  if (!request)
    return {
      wire: { containerOverrides: [], inferenceAcceleratorOverrides: [] },
      command: null,
      environment: [],
      size: definition.size,
    };
  if (JSON.stringify(request.raw).length > MAX_CHARACTERS) {
    throw invalidParameter(`Container Overrides length must be at most ${MAX_CHARACTERS}`);
  }
  const containers = request.objects("containerOverrides");
  for (const container of containers) {
    const name = container.requiredText("name");
    if (name !== definition.container.name)
      throw invalidParameter(`Override for container named ${name} is not a container in the TaskDefinition.`);
  }
  if (containers.length > 1) throw invalidParameter("Duplicate container overrides are not allowed.");
  const [container] = containers;
  const cpu = request.text("cpu") ?? String(definition.size.cpuUnits);
  const memory = request.text("memory") ?? String(definition.size.memoryMiB);
  return {
    wire: { containerOverrides: [], inferenceAcceleratorOverrides: [], ...request.raw },
    command: container?.has("command") ? container.texts("command") : null,
    environment: container ? readEnvironment(container) : [],
    size: request.has("cpu") || request.has("memory") ? fargateSize(cpu, memory) : definition.size,
  };
}
