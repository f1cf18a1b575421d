// The server's own tables, beside the two the engine always has. Whoever opens the database file must name them.
import type { SystemTable } from "./engine/index.ts";
import { CRON_RUNS } from "./scheduler/job-rows.ts";
import { STORED_FILES } from "./storage/file-rows.ts";

export const SYSTEM_TABLES: readonly SystemTable[] = [CRON_RUNS, STORED_FILES];
