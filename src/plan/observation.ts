/** The lock modes of tables, weakest first (server manual, "Table-Level Locks"). */
export const lockModes = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;
export type LockMode = (typeof lockModes)[number];

/** What a relation is. */
export type RelationKind =
  'table' | 'partitioned table' | 'index' | 'sequence' | 'view' | 'materialized view' | 'other';

/** A relation that existed before the transaction of the statement. */
export interface ObservedRelation {
  schema: string;
  name: string;
  kind: RelationKind;
  /** The table of an index, as `schema.name` with both parts unquoted; absent for other relations. */
  table?: { schema: string; name: string };
}

export interface RelationLock {
  relation: ObservedRelation;
  /** The strongest mode that is held. */
  mode: LockMode;
}

/** Why rows of a table are read. */
export type ScanReason = 'check' | 'foreign key' | 'domain' | 'write' | 'query';

export interface TableScan {
  relation: ObservedRelation;
  reason: ScanReason;
}

export interface IndexBuild {
  /** The name of the index; it may be created by the statement. */
  index: string;
  relation: ObservedRelation;
}

/** The names of a relation before and after a statement. */
export interface RelationRename {
  from: ObservedRelation;
  to: ObservedRelation;
}

/** What one statement of a migration did in a shadow database; also its JSON. */
export interface StatementObservation {
  sql: string;
  /** 1-based line of the file; absent for a statement that a module sends. */
  line?: number;
  /** Statements with the same number run in one transaction; from 0 within a migration. */
  transaction: number;
  /** Locks that the statement took, or made stronger; without ACCESS SHARE. */
  locks: RelationLock[];
  /** Locks that earlier statements of the transaction hold, before this one. */
  heldBefore: RelationLock[];
  /** Tables and materialized views whose rows are written to a new file. */
  rewrites: ObservedRelation[];
  /** Tables that TRUNCATE empties. */
  truncates: ObservedRelation[];
  scans: TableScan[];
  builds: IndexBuild[];
  /** Tables into which rows are written; the shadow has no rows, so how many is not observed. */
  writes: ObservedRelation[];
  /** Relations that the statement creates; later statements of the transaction do not list them as locked. */
  created: ObservedRelation[];
  /** Relations that the statement drops. */
  dropped: ObservedRelation[];
  /** Relations that have another name or schema after the statement; absent without any. */
  renamed?: RelationRename[];
  /** Objects that the server dropped with CASCADE, in its words. */
  cascades: string[];
  /** It waits until every transaction that is older has ended (CONCURRENTLY). */
  waitsForTransactions: boolean;
  /** Absent: the locks were observed; else why they are those of the server manual. */
  notObserved?: string;
}

export interface MigrationObservation {
  migration: string;
  file: string;
  /** Whether a backfill has filled the rows before it runs. */
  isAfterBackfill?: boolean;
  statements: StatementObservation[];
}

/** Returns whether one mode is at least as strong as another in the order of `lockModes`. */
export function isAtLeast(mode: LockMode, other: LockMode): boolean {
  return lockModes.indexOf(mode) >= lockModes.indexOf(other);
}

/** Returns whether a lock makes INSERT, UPDATE and DELETE of others wait. */
export function blocksWrites(mode: LockMode): boolean {
  return isAtLeast(mode, 'SHARE');
}

/** Returns whether a lock makes SELECT of others wait. */
export function blocksReads(mode: LockMode): boolean {
  return mode === 'ACCESS EXCLUSIVE';
}

/** Returns whether a relation stores rows, itself or in its partitions. */
export function hasRows({ kind }: ObservedRelation): boolean {
  return kind === 'table' || kind === 'partitioned table' || kind === 'materialized view';
}

/** Returns whether a relation is a table, which the application may write. */
export function isTable({ kind }: ObservedRelation): boolean {
  return kind === 'table' || kind === 'partitioned table';
}

/** Returns `schema.name`, for people and documents. */
export function relationName({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`;
}

/** Returns a key of a relation for maps: a dot may be part of a name. */
export function relationKey({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}
