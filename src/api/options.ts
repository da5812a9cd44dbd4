/**
 * The options of the API. They have the names of the settings in `dbops.config` and of the flags, in
 * camel case, and the same meaning and defaults.
 */

/** Options of every function. */
export interface Options {
  /**
   * `postgres://…`, or `pglite:DIR` for an embedded database. Default: `DATABASE_URL` and the other
   * places that docs/configuration.md lists.
   */
  databaseUrl?: string;
  /** The folder of the migrations, from `cwd`. Default: detected. */
  migrations?: string;
  /** The format of the folder, such as `drizzle`. Default: detected. */
  format?: string;
  /** The table that records the applied migrations. Default: that of the format. */
  trackingTable?: string;
  /** A server for shadow databases. Default: the embedded engine. */
  shadowUrl?: string;
  /** How long a statement waits for a lock before it is retried (default: `2s`). A number is in milliseconds. */
  lockTimeout?: string | number;
  /** How long a statement may run (default: no limit). A number is in milliseconds. */
  statementTimeout?: string | number;
  /** How long to wait for a server that does not accept connections yet (default: 0). */
  waitForDatabase?: string | number;
  /** The configuration file. Default: the nearest `dbops.config.*` from `cwd` upwards. */
  config?: string;
  /** The file of environment variables. Default: `.env.local` and `.env` beside the configuration file. */
  envFile?: string;
  /** The working directory (default: that of the process). */
  cwd?: string;
  /** The environment variables (default: those of the process). */
  environment?: Readonly<Record<string, string | undefined>>;
  /** The name of the database, to confirm what destroys data or changes a protected database. */
  confirm?: string;
  /** Stops the work at a safe point; the function then throws `INTERRUPTED`. */
  signal?: AbortSignal;
  /** Receives the lines that the command would print while it runs. Default: none is printed. */
  log?: (line: string) => void;
}

export interface UpOptions extends Options {
  /** Apply migrations up to and including this one. */
  to?: string;
  /** Apply at most this many migrations. */
  steps?: number;
  /** Change nothing. */
  dryRun?: boolean;
  /** `false`: refuse a migration whose required backfill is incomplete. Default: run the backfill. */
  backfill?: boolean;
  /** Also apply pending migrations that are older than an applied one. */
  allowOutOfOrder?: boolean;
  /** Also apply and record a migration that has only comments. */
  allowEmpty?: boolean;
  /** Apply the first migration to a database that has tables already. */
  intoExisting?: boolean;
  /** `false`: do not write the `schemaFile` of the configuration. */
  schemaFile?: boolean;
  /** Drop rows and values without a copy in dbops_rescue. */
  discardData?: boolean;
  /** Whether rows that an earlier rollback saved are restored (default: `false`). */
  restore?: boolean;
  /** How long to wait for another run and for locks (default: `60s`). A number is in milliseconds. */
  wait?: string | number;
}

export interface DownOptions extends Options {
  /** Roll back the migrations after this one; `0` rolls back all. */
  to?: string;
  /** The number of migrations to roll back (default: 1). */
  steps?: number;
  /** Change nothing. */
  dryRun?: boolean;
  /** Write generated rollbacks beside their migrations, and change no database. */
  write?: boolean;
  /** `false`: do not write the `schemaFile` of the configuration. */
  schemaFile?: boolean;
  /** Also run a rollback that is not proven. */
  unproven?: boolean;
  /** What the shadow database starts from. Default: chosen automatically. */
  shadowFrom?: 'folder' | 'live';
  /** Drop rows and values without a copy in dbops_rescue. */
  discardData?: boolean;
  /** Whether rows that the migration had destroyed are restored (default: `true`). */
  restore?: boolean;
  /** How long to wait for another run and for locks (default: `60s`). A number is in milliseconds. */
  wait?: string | number;
}

export interface StatusOptions extends Options {
  /** Set `ok` to `false` when migrations are pending or there are findings. */
  check?: boolean;
}

export interface SeedOptions extends Options {
  /** Seed only these sets and those that they refer to. */
  only?: string[];
  /** Rows of each set of generated rows. */
  scale?: number;
  /** Also set the columns that are written once. */
  reset?: boolean;
  /** Accept a file or module that is not idempotent. */
  allowRepeat?: boolean;
  /** Change nothing; set `ok` to `false` when rows are missing or outdated. */
  check?: boolean;
  /** Change nothing. */
  dryRun?: boolean;
}

export interface VerifyOptions extends Options {
  /** The groups of checks to run (default: all but `smoke`). */
  groups?: (
    | 'schema'
    | 'integrity'
    | 'indexes'
    | 'tables'
    | 'security'
    | 'server'
    | 'health'
    | 'data'
    | 'smoke'
  )[];
  /** Run the static checks on a replay of the migrations folder, without its database. */
  folder?: boolean;
  /** URLs of replicas whose index scans count, too. */
  replica?: string[];
  /** Return the SQL of what needs no decision in `fixes`, proven in a shadow database; nothing is run. */
  fix?: boolean;
  /** Run only these checks or groups. */
  only?: string[];
  /** Do not run these checks or groups. */
  skip?: string[];
  /** The least severity that sets `ok` to `false` (default: `warning`). */
  failOn?: 'error' | 'warning' | 'info';
  /** Also compare privileges that are granted to other roles than the owner. */
  grants?: boolean;
  /** Ignore findings with these keys; `*` matches any text. */
  ignore?: string[];
  /** Return only findings that are not in this file. Default: `dbops.baseline.json` beside the configuration. */
  baseline?: string;
  /** Write the current findings to this file; `true`: to the baseline that is read. */
  writeBaseline?: string | boolean;
  /** Remove entries that are no longer found from the baseline. */
  pruneBaseline?: boolean;
  /** Return a finding for each entry of the baseline without a reason. */
  requireReason?: boolean;
  /** Set `ok` to `false` only on more findings than this. */
  maxFindings?: number;
}

interface ReportOptions extends Options {
  /** The time that the report describes (default: now). Text is ISO 8601: a day, or a time with a zone. */
  asOf?: Date | string;
}

export interface UsageOptions extends ReportOptions {
  /** Report one subject, by slug or id. */
  subject?: string;
  /** Report one meter, such as `max_seats`. */
  meter?: string;
  /** @deprecated The former name of `subject`. */
  org?: string;
  /** @deprecated The former name of `meter`. */
  feature?: string;
  /** UTC month such as `2026-11` (default: the month of `asOf`). */
  period?: string;
  /** Set `ok` to `false` when a line has one of these states. */
  failOn?: ('over' | 'no-limit-row')[];
}

export interface CreditsOptions extends ReportOptions {
  /** Report one holder, by name in any case or by id. */
  holder?: string;
  /** The old name of `holder`. */
  user?: string;
  /** Set `ok` to `false` when a row has one of these states. */
  failOn?: ('over' | 'stale')[];
}

export interface LedgerOptions extends ReportOptions {
  /** Report one holder, by name in any case or by id. */
  holder?: string;
  /** UTC month such as `2026-11` (default: the month of `asOf`). */
  period?: string;
  /** Return the entries that are not settled instead. */
  unsettled?: boolean;
}

export interface ReconcileOptions extends Options {
  /** Compare the balance of one holder, by name in any case or by id. */
  holder?: string;
}

interface QueryOptions extends Options {
  /** Values of the parameters, by their names. */
  params?: Readonly<Record<string, string | number | bigint | boolean | Date>>;
  /** Return at most this many rows (default: 1,000). */
  limit?: number;
  /** Return all rows, which are held in memory. */
  all?: boolean;
  /** Cancel the query after this long (default: `30s`). A number is in milliseconds; 0 is no limit. */
  timeout?: string | number;
}

export interface SqlOptions extends QueryOptions {
  /** One query; its header may declare parameters. */
  sql: string;
}

export interface NamedReportOptions extends QueryOptions {
  /** The name of a declared report. */
  name: string;
}
