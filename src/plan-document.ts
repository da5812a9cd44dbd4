import type { VerifyData } from './documents.ts';

/** Milliseconds. */
export type PlannedDuration = { low: number; likely: number; high: number };

/** What one statement of a pending migration did in a shadow database. Relations are `schema.name`. */
export type PlannedStatement = {
  sql: string;
  /** 1-based line of the file; absent for a statement that a module sends. */
  line?: number;
  /** Statements with the same number run in one transaction; from 0 within a migration. */
  transaction: number;
  verdict: 'ok' | 'slow' | 'blocks' | 'fails' | 'unknown';
  /** `null`: the size of a table is not known. */
  duration: PlannedDuration | null;
  /** Tables whose statements wait meanwhile; with `reads`, SELECT waits too. */
  blocked: { relation: string; mode: string; reads: boolean; isHeld: boolean }[];
  /** Writes that wait at the end; absent where the rate of writes was not measured. */
  writesQueued?: number;
  violations: string[];
  hazards: { code: string; object: string; message: string; help: string }[];
  /** Locks that the statement took. */
  locks: { relation: string; kind: string; mode: string }[];
  /** Locks that earlier statements of the transaction hold. */
  heldBefore: { relation: string; kind: string; mode: string }[];
  rewrites: string[];
  truncates: string[];
  scans: { relation: string; reason: string }[];
  builds: { index: string; relation: string }[];
  writes: string[];
  created: string[];
  dropped: string[];
  /** Relations with another name or schema after the statement; absent without any. */
  renamed?: { from: string; to: string }[];
  /** Objects that the server dropped with CASCADE. */
  cascades: string[];
  /** It waits for every older transaction (CONCURRENTLY). */
  waitsForTransactions: boolean;
  /** Why its locks are those of the PostgreSQL manual; absent: they were observed. */
  notObserved?: string;
};

export type PlanData = VerifyData & {
  /** What the shadow database contained before the migrations. */
  basis: 'schema of the database' | 'replay of the migrations';
  /** How long writes and reads wait in total; `null`: no sizes are known. */
  blocked: { writes: PlannedDuration; reads: PlannedDuration } | null;
  /** The oldest open transaction of others, in seconds; `null`: none, or no database was read. */
  longestTransaction: { pid: number; seconds: number; role: string; application: string } | null;
  migrations: { name: string; statements: PlannedStatement[] }[];
  /** With `--fix`. */
  fixes?: PlanFixDocument[];
  /** With `--fix`: migrations that block and were not rewritten. */
  unfixed?: { migration: string; reason: string; advice: string[] }[];
};

/** The safe form of a migration. */
export type PlanFixDocument = {
  migration: string;
  /** Names of recipes, in the order of the statements. */
  recipes: string[];
  /** Whether the files produce the schema of the migration, as a shadow database showed. */
  isProven: boolean;
  /** Where the schema differs, one line each. */
  differences: string[];
  /** Of every statement of the files. */
  verdicts: string[];
  /** What a person has to do. */
  notes: string[];
  files: { suffix: string; sql: string; noTransaction: boolean }[];
  /** Backfills of `dbops backfill`, which fill the rows between the files. */
  backfills: { name: string; table: string; set: string }[];
  /** Absolute paths of the files that were written. */
  written: string[];
  /** Why nothing was written. */
  reason?: string;
};
