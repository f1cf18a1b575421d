// When a cron job runs next. Knows the schedules `crons.ts` can declare, and nothing about running them.
import { CronExpressionParser } from "cron-parser";
import type { JsonObject, JsonValue } from "../engine/index.ts";

export type CronSchedule =
  | { readonly kind: "interval"; readonly everyMs: number }
  /** Five cron fields, UTC. */
  | { readonly kind: "cron"; readonly expression: string };

export interface CronSpec {
  /** Path of the component whose cron it is; left out for the app's own. */
  readonly component?: string;
  readonly identifier: string;
  /** Canonical function path. */
  readonly path: string;
  readonly args: JsonObject;
  readonly schedule: CronSchedule;
}

/** A `crons.ts` that cannot be used; the push is refused with this text. */
export class InvalidCron extends Error {
  readonly code = "InvalidCron";
}

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** The next moment after `afterMs` (both ms since the epoch) at which the schedule is due. */
export function nextRunMs(schedule: CronSchedule, afterMs: number): number {
  if (schedule.kind === "interval") return afterMs + schedule.everyMs;
  return CronExpressionParser.parse(schedule.expression, { currentDate: new Date(afterMs), tz: "UTC" })
    .next()
    .getTime();
}

/**
 * Reads one job of `crons.export()`.
 * @throws {InvalidCron} naming the job and what is wrong with it
 */
export function parseCron(identifier: string, path: string, args: JsonObject, schedule: JsonValue): CronSpec {
  if (!/^[-_ 'a-zA-Z0-9]+$/.test(identifier)) {
    throw new InvalidCron(
      `Cron job name "${identifier}" may contain only letters, digits, spaces, hyphens, underscores and apostrophes.`,
    );
  }
  return { identifier, path, args, schedule: parseSchedule(identifier, schedule) };
}

function parseSchedule(identifier: string, schedule: JsonValue): CronSchedule {
  if (typeof schedule !== "object" || schedule === null || Array.isArray(schedule)) {
    throw new InvalidCron(`Cron job "${identifier}" has no schedule.`);
  }
  const number = (field: string, min: number, max: number, fallback: number): number => {
    const value = schedule[field] ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidCron(
        `Cron job "${identifier}": ${field} must be an integer from ${min} to ${max}, got ${JSON.stringify(value)}.`,
      );
    }
    return value;
  };
  const minute = (): number => number("minuteUTC", 0, 59, 0);
  switch (schedule.type) {
    case "interval": {
      const seconds = Number(schedule.seconds ?? 0) + 60 * Number(schedule.minutes ?? 0) + 3600 * Number(schedule.hours ?? 0);
      if (!(seconds >= 1)) throw new InvalidCron(`Cron job "${identifier}": the interval must be at least one second.`);
      return { kind: "interval", everyMs: seconds * 1000 };
    }
    case "hourly":
      return { kind: "cron", expression: `${minute()} * * * *` };
    case "daily":
      return { kind: "cron", expression: `${minute()} ${number("hourUTC", 0, 23, 0)} * * *` };
    case "weekly": {
      const day = DAYS.indexOf(String(schedule.dayOfWeek));
      if (day === -1)
        throw new InvalidCron(`Cron job "${identifier}": unknown day of the week ${JSON.stringify(schedule.dayOfWeek)}.`);
      return { kind: "cron", expression: `${minute()} ${number("hourUTC", 0, 23, 0)} * * ${day}` };
    }
    case "monthly":
      return { kind: "cron", expression: `${minute()} ${number("hourUTC", 0, 23, 0)} ${number("day", 1, 31, 1)} * *` };
    case "cron": {
      const expression = String(schedule.cron);
      try {
        CronExpressionParser.parse(expression, { tz: "UTC" });
      } catch (cause) {
        throw new InvalidCron(`Cron job "${identifier}": "${expression}" is not a cron expression of five fields.`, { cause });
      }
      return { kind: "cron", expression };
    }
    default:
      throw new InvalidCron(`Cron job "${identifier}": unknown schedule type ${JSON.stringify(schedule.type)}.`);
  }
}
