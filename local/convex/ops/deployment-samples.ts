// What `/metrics` says about a deployment, read from the parts at scrape time.
import type { FunctionCalls } from "../calls.ts";
import type { Store } from "../engine/index.ts";
import type { LiveQueries } from "../loop/live-queries.ts";
import type { Loop } from "../loop/loop.ts";
import { realProcess } from "../runner/real-globals.ts";
import type { Jobs } from "../scheduler/jobs.ts";
import type { Retention } from "../scheduler/retention.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import type { SyncSessions } from "../sync/sessions.ts";
import { type LatencyHistogram, prometheusText, type Sample } from "./metrics.ts";
import type { WriteHealth } from "./write-health.ts";

interface Parts {
  readonly loop: Loop;
  readonly live: LiveQueries;
  readonly sessions: SyncSessions;
  readonly jobs: Jobs;
  readonly calls: FunctionCalls;
  readonly files: FileStorage;
  readonly writeHealth: WriteHealth;
  readonly store: Store;
  readonly retention: Retention;
}

export function deploymentSamples(
  { loop, live, sessions, jobs, calls, files, writeHealth, store, retention }: Parts,
  latency: LatencyHistogram,
): string {
  const counter = (name: string, help: string, value: number): Sample => ({
    name: `convex_${name}_total`,
    type: "counter",
    help,
    value,
  });
  const gauge = (name: string, help: string, value: number): Sample => ({ name: `convex_${name}`, type: "gauge", help, value });
  return prometheusText(
    [
      counter("commits", "Transactions committed.", loop.stats.commits),
      counter("commit_groups", "Groups of transactions that shared one fsync.", loop.stats.groups),
      gauge("largest_group", "Transactions of the largest group so far.", loop.stats.largestGroup),
      counter("commit_seconds", "Seconds spent making groups durable.", loop.stats.commitSeconds),
      counter("query_runs", "Query functions actually run, first runs and re-runs.", live.stats.runs),
      counter("query_shared", "Answers given from a result somebody else's run had produced.", live.stats.shared),
      counter("query_invalidations", "Subscribed results that a commit made stale.", live.stats.invalidated),
      gauge("sessions", "Open sync connections.", sessions.count),
      gauge("subscriptions", "Queries subscribed to, over all sessions.", sessions.queryCount),
      gauge("live_results", "Distinct subscribed results.", live.subscriptionCount),
      gauge("running_actions", "Actions running now.", calls.runningActionCount),
      gauge("running_jobs", "Scheduled functions running now.", jobs.runningCount),
      counter("jobs_succeeded", "Scheduled functions that succeeded.", jobs.stats.succeeded),
      counter("jobs_failed", "Scheduled functions that failed.", jobs.stats.failed),
      counter("files_stored", "Files stored, by upload or by functions.", files.stats.stored),
      counter("blobs_removed", "Contents removed with their last file.", files.stats.removed),
      counter("blobs_swept", "Contents without a file that the sweep removed.", files.stats.swept),
      counter("write_failures", "Groups of transactions the disk refused.", writeHealth.failures),
      counter("row_refusals", "Times that rows acknowledged already were refused by the database.", writeHealth.rowRefusals),
      gauge("writable", "1 while the disk takes writes, 0 since it last refused one.", writeHealth.isFailing ? 0 : 1),
      gauge("database_bytes", "Size of the database file.", store.sizeBytes),
      gauge("latest_timestamp_seconds", "Timestamp of the last commit.", Number(store.latestTs) / 1e9),
      counter("forgotten", "Ended jobs and answers of mutations that retention removed.", retention.stats.forgotten),
      gauge("resident_memory_bytes", "Resident memory of the process.", realProcess.memoryUsage.rss()),
    ],
    latency,
  );
}
