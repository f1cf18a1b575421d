// What ECS says no with, told apart by what to do about it (facts: services 5.3, 5.4).

import { ECSServiceException } from "@aws-sdk/client-ecs";
import { OmakaseError, reasonOf } from "../errors.ts";

/** No answer, a server fault, or something passing: another try may succeed. */
export class EcsUnavailable extends OmakaseError {
  readonly code = "ecs_unavailable";
  readonly retryable = true;
}

/** The request itself is wrong: the task definition, the network, a permission. */
export class EcsRefused extends OmakaseError {
  readonly code = "ecs_refused";
  readonly retryable = false;
}

/** What a refused launch is waiting for: the account's rate, or room in the cluster; null when it is neither. */
export function waitOf(error: unknown): "rate" | "room" | null {
  if (!(error instanceof ECSServiceException)) return null;
  if (/^(Throttl|RequestLimitExceeded|TooManyRequests)/.test(error.name)) return "rate";
  if (error.name !== "ClientException") return null;
  if (/\brate\b|throttl/i.test(error.message)) return "rate";
  return /capacity|\blimit|quota/i.test(error.message) ? "room" : null;
}

/** Reasons of `failures[]` that mean a full cluster or account: RESOURCE:CPU, a vCPU quota, Fargate out of capacity. */
export const isFull = (reason: string): boolean => /^RESOURCE:|capacity|\blimit|quota/i.test(reason);

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
