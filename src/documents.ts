import type { Finding } from './report.ts';

/**
 * The types of the JSON documents (`docs/json.md`): what a command prints with `--json`, and what the
 * API returns as a value. Times are ISO 8601 in UTC.
 */

/** A document: the keys of its command beside those that every document has. */
export type Document<Data> = {
  /** The words of the command, such as `migrate up`. */
  command: string;
  /** Whether the exit code of the command is 0: it succeeded and has no findings. */
  ok: boolean;
  /** Absent when no database was used. */
  target?: DatabaseDocument;
  /** Why the command stopped; absent in a value that the API returns, which throws it. */
  error?: { code: string; message: string; hint: string };
} & Data;

export type DatabaseDocument = {
  kind: 'postgres' | 'pglite';
  /** `null` for an embedded database. */
  host: string | null;
  database: string;
  /** Such as `18.4`; `null` when the server did not answer. */
  version: string | null;
};

/** Of `migrate up` and `migrate down`. */
export type RunData = {
  /** The migrations of the run, in its order; empty when there was nothing to do. */
  migrations: MigrationRun[];
  /** With the option of this name: nothing was changed. */
  dryRun?: true;
  /** What a dry run expects the migrations to destroy. */
  losses?: (LossDocument & { migration: string; rows: number | null })[];
  /** Rows and values that were copied before a migration destroyed them. */
  rescued?: RescuedDocument[];
  /** Saved rows and values that were written back. */
  restored?: RestoredDocument[];
  /** Saved rows and values that can be written back. */
  restorable?: RestorableDocument[];
  /** What exists only in a copy after the run, or not at all. */
  notRestored?: NotRestoredDocument[];
  /** What a dry run of `migrate up` expects to change in the schema. */
  schema?: SchemaChangesDocument;
  /** The `schemaFile` of the configuration, where there is one. */
  schemaFile?: { file: string; changed: boolean };
  /** With `write`: the down migrations that were created. */
  files?: string[];
};

/** The changes by object, or why the migrations do not replay. */
export type SchemaChangesDocument =
  | {
      created: ObjectDocument[];
      altered: (ObjectDocument & { changes: string[] })[];
      dropped: ObjectDocument[];
    }
  | { unknown: { code: string; message: string } };

export type ObjectDocument = { kind: string; object: string };

export type MigrationRun = {
  name: string;
  direction: 'up' | 'down';
  state: 'done' | 'failed' | 'not-run';
  durationMs: number;
  /** Of `migrate up --plan`: how long the statements were estimated to take, in milliseconds. */
  estimate?: { low: number; likely: number; high: number };
  /** Of `migrate down`. */
  rollback?: RollbackDocument;
};

export type RollbackDocument = {
  source: 'file' | 'derived';
  /** Whether up, down and up again gave the same schema in a shadow database. */
  proven: boolean;
  loses: LossDocument[];
  /** What it does to the schema, one sentence for each object. */
  changes: string[];
  /** Why it is not proven. */
  doubts: string[];
  /** Rows that the migration inserted and that remain. */
  staying: {
    schema: string;
    table: string;
    rows: number | null;
    keys: { columns: string[]; values: string[][] }[];
  }[];
  statements: { sql: string; lock: string | null; rewrites: boolean }[];
};

/** Rows of a table, all rows of a table that remains, or values of a column. */
export type LossDocument = {
  kind: 'table' | 'rows' | 'column';
  schema: string;
  table: string;
  /** With kind `column`, as are the following. */
  column?: string;
  change?: 'dropped' | 'narrowed';
  /** The type before. */
  from?: string;
  /** The type after, of a column that still exists. */
  to?: string;
};

export type RescuedDocument = LossDocument & {
  id: number;
  migration: string;
  direction: 'up' | 'down';
  rows: number;
  /** The command that writes them back. */
  restore: string;
};

export type RestorableDocument = Omit<RescuedDocument, 'direction'>;

export type RestoredDocument = LossDocument & {
  id: number;
  migration: string;
  restored: number;
  /** Rows that existed unchanged. */
  same: number;
  /** Rows whose key had other values. */
  conflict: number;
  /** Rows that refer to a row that no longer exists. */
  orphan: number;
  /** Values whose row no longer exists. */
  missing: number;
  /** Why they were not restored. */
  obstacle?: string;
};

export type NotRestoredDocument = Omit<Partial<RestorableDocument>, 'kind' | 'schema' | 'rows'> & {
  /** `some-rows`: deleted on a condition, and not copied. */
  kind: LossDocument['kind'] | 'some-rows';
  migration: string;
  schema: string | null;
  table: string;
  rows: number | null;
  reason: string;
};

/** Of `migrate status`. */
export type StatusData = {
  /** The name of the format of the folder. */
  format: string;
  migrations: StatusRow[];
  /** The number of migrations in each state. */
  counts: Partial<Record<StatusRow['state'], number>>;
  findings: Finding[];
};

export type StatusRow = {
  name: string;
  state:
    | 'applied'
    | 'pending'
    | 'edited'
    | 'unrecorded'
    | 'missing-file'
    | 'failed'
    | 'out-of-order'
    | 'duplicate';
  /** Hash of the file; `null` without a file. */
  hash: string | null;
  recordedHash: string | null;
  appliedAt: string | null;
};

/** Of `seed`: numbers of rows by table. */
export type SeedData = {
  created: Record<string, number>;
  updated: Record<string, number>;
  unchanged: Record<string, number>;
  sets: {
    name: string;
    /** `pending`: with `check` or `dryRun`, it would change. `skipped`: it is for another environment. */
    state: 'changed' | 'unchanged' | 'pending' | 'skipped';
    /** What a second run of a file or module would write, with `allowRepeat`. */
    repeats?: { table: string; added: number; changed: number; removed: number }[];
  }[];
  /** With `check` or `dryRun`: nothing was changed. */
  dryRun?: true;
};

/** Of `verify`. */
export type VerifyData = {
  /** Without those that are ignored or in the baseline. */
  findings: Finding[];
  counts: Record<Finding['severity'], number>;
  /** Number of findings that the baseline lists. */
  known?: number;
  /** Number of findings that a comment beside their statement allows; absent: none. */
  allowed?: number;
  /** Number of findings that match a pattern of `ignore`. */
  ignored?: number;
  /** Keys of the baseline that are no longer found. */
  stale?: string[];
  /** By check: findings that `counts` contains and `findings` does not. */
  omitted?: Record<string, number>;
  /** Of the group `data`: the checks that are declared, and those whose migration is applied. */
  dataChecks?: { declared: number; run: number };
  /** Of the group `smoke`, where it is named: the probes that are declared, and those that ran. */
  probes?: { declared: number; run: number };
  /** Why the schema was not compared, in a project without migrations. */
  withoutSchema?: string;
  /**
   * With `--fix`: the SQL of findings in the order in which it runs. `open`: the migrations alone do not produce the
   * finding, so that nothing proves its SQL; `refuted`: the SQL does not correct it, or changes more.
   */
  fixes?: { key: string; sql: string; proof: 'proven' | 'open' | 'refuted'; reason?: string }[];
  /** With `list` the catalogue, with `explain` one check; then nothing is checked. */
  checks?: CheckDocument[];
};

/** A check of the catalogue. */
export type CheckDocument = {
  name: string;
  group: string;
  /** Of its findings, unless one says otherwise. */
  severity: Finding['severity'];
  /** `static`: it also checks a replay of the folder. */
  runs: 'static' | 'live';
  /** What it asserts. */
  summary: string;
  /** With `explain`: what happens where it does not hold, how to correct it, and what it does not report. */
  harm?: string;
  cure?: string;
  limits?: string;
  /** SQL that it reports. */
  example?: string;
};

/** Of `report sql` and of a report of one's own. */
export type QueryData = {
  title: string;
  /** `type` is that of the server, such as `numeric(12,2)`. */
  columns: { key: string; label: string; type: string }[];
  /** By the keys of the columns. */
  rows: QueryRow[];
  /** Whether there are more rows than were asked for. */
  truncated: boolean;
};

/**
 * An integer is a bigint only beyond `Number.MAX_SAFE_INTEGER`; a numeric, a date and a value of any other type
 * is a string, and JSON is the value that it describes.
 */
export type QueryRow = Record<string, QueryValue>;

export type QueryValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly QueryValue[]
  | { readonly [key: string]: QueryValue };

/** Of `report usage`, `report credits` and `report ledger`. */
export type FiguresData = {
  title: string;
  /** Half-open: `from` is included, `to` is not. */
  period: { from: string; to: string };
  asOf: string;
  columns: { key: string; label: string }[];
  /** One value for each column, and further ones. */
  rows: FiguresRow[];
  totals: FiguresRow;
  /** Definitions of the columns, and remarks about this result. */
  notes: string[];
};

/** Of `report reconcile`: a row for each balance that differs from the ledger, whatever the period. */
export type ReconcileData = Omit<FiguresData, 'period' | 'asOf'>;

/** An integer is a bigint only beyond `Number.MAX_SAFE_INTEGER`; a numeric is a string. */
export type FiguresRow = Record<string, string | number | bigint | boolean | null>;
