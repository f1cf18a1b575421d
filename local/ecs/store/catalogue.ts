// Clusters, task definitions and tags: what exists before any task does.
import type { Database } from "bun:sqlite";
import type { Tag } from "../domain/task.ts";

export interface ClusterRow {
  readonly name: string;
  /** Capacity provider names of the default strategy; empty: none was set. */
  readonly defaultProviders: readonly string[];
}

export interface DefinitionRow {
  readonly family: string;
  readonly revision: number;
  /** The definition as DescribeTaskDefinition answers it. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface StoredDefinition {
  readonly family: string;
  readonly revision: number;
  readonly body: string;
}

export class Catalogue {
  private readonly insertCluster;
  private readonly readCluster;
  private readonly insertDefinition;
  private readonly latest;
  private readonly exact;
  private readonly listed;
  private readonly readTags;
  private readonly writeTag;
  private readonly dropTag;
  private readonly dropTags;

  constructor(database: Database) {
    database.run("CREATE TABLE IF NOT EXISTS clusters (name TEXT PRIMARY KEY, default_providers TEXT NOT NULL) WITHOUT ROWID");
    database.run(
      "CREATE TABLE IF NOT EXISTS definitions (row INTEGER PRIMARY KEY AUTOINCREMENT, family TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (family, revision))",
    );
    database.run(
      "CREATE TABLE IF NOT EXISTS tags (arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)) WITHOUT ROWID",
    );
    this.insertCluster = database.prepare("INSERT INTO clusters (name, default_providers) VALUES (?, ?) ON CONFLICT DO NOTHING");
    this.readCluster = database.prepare<{ name: string; default_providers: string }, [string]>(
      "SELECT * FROM clusters WHERE name = ?",
    );
    this.insertDefinition = database.prepare("INSERT INTO definitions (family, revision, body) VALUES (?, ?, ?)");
    this.latest = database.prepare<StoredDefinition, [string]>(
      "SELECT * FROM definitions WHERE family = ? ORDER BY revision DESC LIMIT 1",
    );
    this.exact = database.prepare<StoredDefinition, [string, number]>(
      "SELECT * FROM definitions WHERE family = ? AND revision = ?",
    );
    this.listed = database.prepare<StoredDefinition, [string | null]>(
      "SELECT * FROM definitions WHERE ?1 IS NULL OR family = ?1 ORDER BY family, revision",
    );
    this.readTags = database.prepare<Tag, [string]>("SELECT key, value FROM tags WHERE arn = ? ORDER BY key");
    this.writeTag = database.prepare("INSERT OR REPLACE INTO tags (arn, key, value) VALUES (?, ?, ?)");
    this.dropTag = database.prepare("DELETE FROM tags WHERE arn = ? AND key = ?");
    this.dropTags = database.prepare("DELETE FROM tags WHERE arn = ?");
    this.createCluster({ name: "default", defaultProviders: [] });
  }

  /** Safe to repeat: a cluster that exists is left as it is. */
  createCluster(cluster: ClusterRow): void {
    this.insertCluster.run(cluster.name, JSON.stringify(cluster.defaultProviders));
  }

  cluster(name: string): ClusterRow | null {
    const row = this.readCluster.get(name);
    return row ? { name: row.name, defaultProviders: JSON.parse(row.default_providers) as string[] } : null;
  }

  nextRevision(family: string): number {
    return (this.latest.get(family)?.revision ?? 0) + 1;
  }

  register(row: DefinitionRow): void {
    this.insertDefinition.run(row.family, row.revision, JSON.stringify(row.body));
  }

  /** By `family`, `family:revision` or ARN; a family means its latest revision. */
  definition(reference: string): DefinitionRow | null {
    const name = reference.slice(reference.lastIndexOf("/") + 1);
    const [family = "", revision] = name.split(":");
    const row = revision === undefined ? this.latest.get(family) : this.exact.get(family, Number(revision));
    return row ? parse(row) : null;
  }

  definitions(family: string | null): DefinitionRow[] {
    return this.listed.all(family).map(parse);
  }

  tags(arn: string): Tag[] {
    return this.readTags.all(arn).map(({ key, value }) => ({ key, value }));
  }

  tag(arn: string, tags: readonly Tag[]): void {
    for (const { key, value } of tags) this.writeTag.run(arn, key, value);
  }

  untagAll(arn: string): void {
    this.dropTags.run(arn);
  }

  untag(arn: string, keys: readonly string[]): void {
    for (const key of keys) this.dropTag.run(arn, key);
  }
}

const parse = (row: StoredDefinition): DefinitionRow => ({
  family: row.family,
  revision: row.revision,
  body: JSON.parse(row.body) as Record<string, unknown>,
});
