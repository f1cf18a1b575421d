// Linear's five priorities. 0 is "none" and sorts last, 1 is the most urgent.
import { badArgument } from "../errors.ts";

export const PRIORITY_LABELS = ["No priority", "Urgent", "High", "Medium", "Low"] as const;

/** @throws GraphQLError unless `priority` is 0 to 4 */
export function checkedPriority(priority: number): number {
  if (Number.isInteger(priority) && priority >= 0 && priority < PRIORITY_LABELS.length) return priority;
  throw badArgument("priority must be one of 0 (none), 1 (urgent), 2 (high), 3 (medium), 4 (low).");
}
