// What is done by the clock: once a day, what nobody needs any more is removed (retention.ts).

import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.daily("remove what is past its time", { hourUTC: 3, minuteUTC: 17 }, internal.retention.sweep, { from: 0 });

export default crons;
