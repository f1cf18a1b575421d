// The engine's public face: values, storage, transactions, queries and validators of a Convex deployment on bun:sqlite.
// Everything here is synchronous, runs on one SQLite connection and never calls user code. See README.md for the invariants.
export type { SystemTable } from "./catalog.ts";
export { SIDE_FILES } from "./commits.ts";
export {
  Conflict,
  EngineError,
  FunctionError,
  InvalidCursor,
  SchemaRefused,
  SchemaViolation,
  type StoreTrouble,
  StoreUnusable,
} from "./errors.ts";
export { type IntervalHandle, IntervalIndex, type ReadInterval } from "./interval-index.ts";
export { compareKeys, encodeKey, type Key } from "./keys.ts";
export { DEFAULT_LIMITS, type TransactionLimits, type TransactionUsage } from "./limits.ts";
export type { Page, PageArgs, PageStatus } from "./query-run.ts";
export type { IndexChange, SchemaDiff } from "./schema-change.ts";
export type { Replay } from "./settings.ts";
export { Store, type StoreOptions } from "./store.ts";
export { type BeginOptions, type DocumentWrite, Transaction, type TransactionKind } from "./transaction.ts";
export { type TableOfId, Validator } from "./validators.ts";
export { int64Json, isObject, type JsonObject, type JsonValue, measureValue, resolveCommitTs } from "./values.ts";
export { type Committed, WriteGroup } from "./write-group.ts";
export type { WrittenKey } from "./write-log.ts";
export { asWriteRefused, WriteRefused, type WriteTrouble } from "./write-refused.ts";
