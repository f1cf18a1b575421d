// Counters in Prometheus text. Values are read from their owners at scrape time; only latencies are collected here.

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

export class LatencyHistogram {
  readonly #byKind = new Map<string, { counts: number[]; sum: number; count: number; failures: number }>();

  observe(kind: string, seconds: number, isFailure: boolean): void {
    let series = this.#byKind.get(kind);
    if (series === undefined) {
      series = { counts: BUCKETS_SECONDS.map(() => 0), sum: 0, count: 0, failures: 0 };
      this.#byKind.set(kind, series);
    }
    series.sum += seconds;
    series.count += 1;
    if (isFailure) series.failures += 1;
    const bucket = BUCKETS_SECONDS.findIndex((limit) => seconds <= limit);
    if (bucket !== -1) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  }

  lines(name: string): string[] {
    const lines = [`# TYPE ${name}_seconds histogram`];
    for (const [kind, series] of this.#byKind) {
      let below = 0;
      BUCKETS_SECONDS.forEach((limit, at) => {
        below += series.counts[at] ?? 0;
        lines.push(`${name}_seconds_bucket{kind="${kind}",le="${limit}"} ${below}`);
      });
      lines.push(`${name}_seconds_bucket{kind="${kind}",le="+Inf"} ${series.count}`);
      lines.push(`${name}_seconds_sum{kind="${kind}"} ${series.sum}`, `${name}_seconds_count{kind="${kind}"} ${series.count}`);
    }
    lines.push(`# TYPE ${name}_failures_total counter`);
    for (const [kind, series] of this.#byKind) lines.push(`${name}_failures_total{kind="${kind}"} ${series.failures}`);
    return lines;
  }
}

export interface Sample {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly value: number;
}

export function prometheusText(samples: readonly Sample[], latency: LatencyHistogram): string {
  const lines = samples.flatMap(({ name, type, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    `${name} ${value}`,
  ]);
  return `${[...lines, ...latency.lines("convex_function")].join("\n")}\n`;
}
