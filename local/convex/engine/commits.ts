// How what groups wrote becomes durable. SQLite keeps one transaction open over many groups, so that a page many of them write is
// written once; what makes a group durable is its record in the journal. The commit of SQLite's transaction is called a fold here.
//   M1. What was acknowledged is in the file as of its last fold, or in the journal's records since. Opening replays those.
//   M2. A fold and the end of the records it makes superfluous are one: it stores the generation that every later record must bear.
//   M3. A record says which documents and answers a group wrote. A group that wrote anything else (schemas, tables, settings)
//       commits by a fold, and so does one the journal has no room for.
//   M4. A rollback goes back to the last fold and replays: exactly what was acknowledged. When even that fails, nothing is read or
//       written until a later one succeeds, or the store is opened again.
//   M5. SQLite ends the open transaction by itself when the disk fails it, even on a read. It is missed before anything else is read
//       or written, and counts as lost until a rollback has replayed it.
import type { Database, Statement } from "bun:sqlite";
import { StoreUnusable } from "./errors.ts";
import { Journal } from "./journal.ts";
import type { LateRows } from "./late-rows.ts";
import type { Replay, Settings } from "./settings.ts";
import { asWriteRefused } from "./write-refused.ts";

/** The journal's name, beyond the database's. (`-journal` is SQLite's own.) */
const JOURNAL_SUFFIX = "-log";
/** What may lie beside a database file and belongs to it, by what its name has more. */
export const SIDE_FILES: readonly string[] = ["-wal", "-shm", JOURNAL_SUFFIX];

/**
 * Of records between two folds: what a restart has to replay, some 250 ms. A fold writes each page that was touched since the last, so
 * the rarer it is, the less each group pays. Characters nearly all are bytes.
 */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_DOCUMENTS = 32_000;

/** What a record says, in the order it was written. */
export interface Replayed {
  document(id: string, text: string | null): void;
  answer(sessionId: string, requestId: number, replay: Replay, atMs: number): void;
  /** The group's last timestamp, ns. */
  clock(ts: bigint): void;
}

export class Commits {
  private readonly bounds: { readonly begin: Statement; readonly commit: Statement; readonly rollback: Statement };
  private readonly journal: Journal;
  private generation: bigint | null;
  /** Of the group under way. */
  private lines: string[] = [];
  private chars = 0;
  private documents = 0;
  private isBeyondRecords = false;
  private isWriting = false;
  /** Documents in the journal's records. */
  private recorded = 0;
  private isLost = false;
  /** The disk refused one that could have waited: none again before one must be. */
  private isFoldPutOff = false;

  /** @param file the database's. Its lock must be held: the journal has none of its own. */
  constructor(
    private readonly database: Database,
    private readonly settings: Settings,
    file: string,
    isSynced: boolean,
    private readonly lateRows: LateRows,
    private readonly replayed: Replayed,
  ) {
    const prepare = (sql: string): Statement => database.prepare(sql);
    this.bounds = { begin: prepare("BEGIN IMMEDIATE"), commit: prepare("COMMIT"), rollback: prepare("ROLLBACK") };
    this.journal = Journal.open(file + JOURNAL_SUFFIX, isSynced);
    this.generation = settings.generation();
  }

  /** Opens SQLite's transaction and brings it to what was acknowledged (M1). Once, before anything is read. */
  recover(): void {
    if (this.generation !== null) this.replay(this.journal.read(this.generation));
  }

  /** M4, M5. @throws {StoreUnusable} */
  assertWhole(): void {
    if ((this.isWriting || this.journal.bytes > 0) && !this.database.inTransaction) this.isLost = true;
    if (!this.isLost) return;
    throw new StoreUnusable(
      "StateLost",
      "The disk failed the database, so nothing is served from it. Check the disk and restart the deployment: nothing that was acknowledged is lost.",
    );
  }

  /** Before each write of a group. */
  begin(): void {
    this.assertWhole();
    if (!this.database.inTransaction) this.bounds.begin.run();
    this.isWriting = true;
  }

  /** The group wrote a document; null: removed it. */
  document(id: string, text: string | null): void {
    this.documents++;
    this.line(text === null ? `-${id}` : `+${id} ${text}`);
  }

  /** The group stored a mutation's answer. */
  answer(sessionId: string, requestId: number, { ts, valueJson }: Replay, atMs: number): void {
    this.line(`=${JSON.stringify([sessionId, requestId, ts.toString(), valueJson, atMs])}`);
  }

  /** The group wrote what records do not say (M3). */
  beyondRecords(): void {
    this.isBeyondRecords = true;
  }

  /** Makes the group durable. @param ts ns of its last commit @throws what the disk says; roll back then */
  commit(ts: bigint): void {
    this.assertWhole();
    if (!this.hasRoom() || !this.appended(ts)) this.fold(ts);
    this.forgetGroup();
  }

  /** M4: as if the group had never been. @param reload puts memory in step with the file, which is as of the last fold then */
  rollback(reload: () => void): void {
    this.forgetGroup();
    this.lateRows.drop();
    try {
      if (this.database.inTransaction) this.bounds.rollback.run(); // SQLite may have done it by itself
      reload();
      this.isLost = false;
      this.replay(this.journal.reread());
    } catch (error) {
      this.isLost = true;
      throw error;
    }
  }

  /** Half of what may lie between two folds does: better now, if nobody waits, than when somebody does. */
  get isFoldDue(): boolean {
    return !this.isFoldPutOff && (this.journal.bytes * 2 > MAX_BYTES || this.recorded * 2 > MAX_DOCUMENTS);
  }

  putOffFold(): void {
    this.isFoldPutOff = true;
  }

  /** Puts everything into the file. @param ts ns of the last commit @throws what the disk says; roll back then */
  fold(ts: bigint): void {
    if (!this.database.inTransaction) return;
    this.lateRows.write(); // N1
    const next = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
    this.settings.storeTs(ts);
    this.settings.storeGeneration(next); // M2
    this.bounds.commit.run();
    this.journal.begin(next);
    this.generation = next;
    this.recorded = 0;
    this.isFoldPutOff = false;
  }

  /** @param ts ns of the last commit */
  close(ts: bigint): void {
    try {
      this.assertWhole();
      this.fold(ts);
    } catch {
      // a full disk, perhaps: everything acknowledged is in the journal, for the next start (M1)
    }
    if (this.isLost || this.journal.bytes > 0) this.journal.close();
    else this.journal.remove();
    this.finalize();
  }

  /** Lets go of the journal without a word in it being changed. */
  abandon(): void {
    this.journal.close();
    this.finalize();
  }

  private finalize(): void {
    for (const statement of Object.values(this.bounds)) statement.finalize();
  }

  private line(text: string): void {
    this.lines.push(text);
    this.chars += text.length + 1;
  }

  private hasRoom(): boolean {
    if (this.isBeyondRecords || this.generation === null) return false;
    return this.journal.bytes + this.chars <= MAX_BYTES && this.recorded + this.documents <= MAX_DOCUMENTS;
  }

  /** False when the journal did not take it: the file may still have room. */
  private appended(ts: bigint): boolean {
    try {
      this.journal.append(`${ts}\n${this.lines.join("\n")}`);
      this.recorded += this.documents;
      return true;
    } catch (error) {
      if (asWriteRefused(error) === error) throw error; // not the disk's word
      return false;
    }
  }

  private forgetGroup(): void {
    this.lines = [];
    this.chars = 0;
    this.documents = 0;
    this.isBeyondRecords = false;
    this.isWriting = false;
  }

  private replay(records: readonly string[]): void {
    this.recorded = 0;
    if (records.length === 0) return;
    this.bounds.begin.run();
    for (const record of records) {
      const [ts = "0", ...lines] = record.split("\n"); // no JSON text has a line break
      for (const line of lines) this.replayLine(line);
      this.replayed.clock(BigInt(ts));
    }
  }

  private replayLine(line: string): void {
    if (line === "") return; // a group that only moved the clock
    if (line[0] === "=") {
      const [sessionId, requestId, ts, valueJson, atMs]: [string, number, string, string, number] = JSON.parse(line.slice(1));
      this.replayed.answer(sessionId, requestId, { ts: BigInt(ts), valueJson }, atMs);
      return;
    }
    this.recorded++;
    const end = line.indexOf(" ");
    if (line[0] === "-") this.replayed.document(line.slice(1), null);
    else if (line[0] === "+" && end > 0) this.replayed.document(line.slice(1, end), line.slice(end + 1));
    else throw new Error("The journal has a line that is not understood.");
  }
}
