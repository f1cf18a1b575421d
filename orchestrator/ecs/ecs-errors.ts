// What ECS says no with, told apart by what to do about it (facts: services 5.3, 5.4).

import { ECSServiceException } from "@aws-sdk/client-ecs";
import { OmakaseError, reasonOf } from "../errors.ts";

/** Capacity, placement, a quota or a throttle: waiting helps. */
export class EcsUnavailable extends OmakaseError {
  readonly code = "ecs_unavailable";
  readonly retryable = true;
}

/** The request itself is wrong: the task definition, the network, a permission. */
export class EcsRefused extends OmakaseError {
  readonly code = "ecs_refused";
  readonly retryable = false;
}

const FINAL = new Set([
  "InvalidParameterException",
  "AccessDeniedException",
  "ClusterNotFoundException",
  "PlatformUnknownException",
  "PlatformTaskDefinitionIncompatibilityException",
  "UnsupportedFeatureException",
  "BlockedException",
]);

export function translated(error: unknown): OmakaseError {
  if (error instanceof OmakaseError) return error;
  if (!(error instanceof ECSServiceException)) return new EcsUnavailable(reasonOf(error), { cause: error });
  // ClientException is used for capacity as well as for a task definition nobody registered.
  const isOurFault =
    FINAL.has(error.name) ||
    (error.name === "ClientException" && !/capacity|\blimit|quota|\brate\b|throttl/i.test(error.message));
  const text = `${error.name}: ${error.message}`;
  return isOurFault ? new EcsRefused(text, { cause: error }) : new EcsUnavailable(text, { cause: error });
}
