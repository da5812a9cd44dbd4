import type { StandIns } from '../db/pglite-extensions.ts';
import type { Opening } from '../db/opening.ts';
import type { Session } from '../db/session.ts';
import type { AppliedMigration, Direction, Migration, SqlScript } from '../migration.ts';
import type { Finding } from '../report.ts';
import type { FolderChanges, SquashRequest } from './shared/squash-request.ts';
import type { MigrationContent } from './shared/written-migration.ts';
import type { TrackingTableName } from './shared/tracking-table.ts';

/** The contents of a folder, as its format reads them. */
export interface FolderContents {
  /** In the order in which they run. */
  migrations: Migration[];
  /** Problems of the folder itself, found without a database. */
  findings: Finding[];
  /** Returns further problems of single migrations, whose scripts cannot be read either. */
  findFlaws?: () => Finding[];
  tracking: Tracking;
  /** Set where the folder's own settings determine them; they override those of the format. */
  hostLock?: HostLock;
  loadModule?: LoadModule;
  /** Where the tool leaves the schema of its tables to `search_path`, and so to the database. */
  unplaced?: Unplaced;
}

/** Tables that a tool names without a schema. */
export interface Unplaced {
  /** The tracking table. */
  table: string;
  /** What names them with this schema; for people they are called as before. */
  placedIn(schema: string): Pick<FolderContents, 'tracking' | 'hostLock'>;
}

/** A folder of migrations that has been read. */
export interface Folder extends Omit<FolderContents, 'loadModule'> {
  format: Format;
  directory: string;
}

/**
 * One migration tool: how its folder is read, and how its tracking table is read and written. A new
 * one is a folder here and a line in `index.ts`.
 */
export interface Format {
  /** The value of `--format`. */
  name: string;
  /**
   * Returns whether a directory belongs to this tool. A search calls it for every directory, so it
   * checks names first and opens a file only where names do not decide.
   *
   * @param names of the directory's entries
   */
  matches(directory: string, names: readonly string[]): boolean;
  /**
   * @param names of the directory's entries
   * @param trackingTable the configured table; absent for the default, or the one in the tool's own
   *   settings. Ignored by a tool whose table has a fixed name
   */
  read(
    directory: string,
    names: readonly string[],
    trackingTable?: TrackingTableName,
  ): FolderContents;
  /** The columns of its tracking table in each version, by which the table is found under another name. */
  columns: readonly (readonly string[])[];
  /** Returns the hash that the tool records for a file's text; absent when it records none. */
  hashOf?(source: string): string;
  /** What a database has before the first migration of such a folder. */
  platform?: Platform;
  /** What the configuration gives to a shadow before the first migration (`shadowPrelude`). */
  prelude?: Prelude;
  /** The `search_path` that the tool sets; absent when it keeps that of the role. */
  searchPath?: string;
  /** Settings of the connection, in a replay (`formatOnConnection`); absent where a new database has the same. */
  connection?: ConnectionSettings;
  /** The tool's own lock, which dbops holds during a run; absent when the tool has none. */
  hostLock?: HostLock;
  /** Loads a module for one direction; absent when the tool runs SQL files only. */
  loadModule?: LoadModule;
  /**
   * Whether a file that cannot run in a transaction needs `-- dbops: no-transaction`. For the files
   * of other tools, dbops decides from the statements.
   */
  needsDirective?: boolean;
  /**
   * Whether the tool runs a file with one statement outside a transaction, as CREATE INDEX CONCURRENTLY needs it.
   * Others can only apply such a file with dbops.
   */
  runsStatementAlone?: boolean;
  /** Returns the path for the rollback of a migration that has none; absent when the tool has no rollbacks. */
  downFile?(migration: Migration): string;
  /** The marks of the two directions in one file. */
  sections?: Record<Direction, SectionMark>;
  /**
   * Returns the files of a new, empty migration that sorts last, as the tool would create them: text
   * by path below the folder. Absent where only the tool can create one.
   *
   * @throws usage error when no name sorts after those of the folder
   */
  newFiles?(request: NewMigration): Record<string, string>;
  /**
   * Returns the files of a migration that dbops writes, text by path below the folder, where that
   * takes more than SQL in the files of `newFiles`. May replace existing files.
   */
  writtenFiles?(
    directory: string,
    request: NewMigration,
    content: MigrationContent,
  ): Record<string, string>;
  /** Returns the text of an SQL file, where the tool needs more than a list of statements. */
  textOf?(content: MigrationContent): string;
  /** Loads how several migrations become one; absent where every migration is a module. */
  squash?(): Promise<Squashing>;
  /** Returns the instruction for a new migration, ending in a command, where only the tool can create it. */
  newCommand?(slug: string): string;
}

/** How the tool's files of several migrations are replaced by those of one. */
export interface Squashing {
  /**
   * Returns the changes of the folder. The squashed migration takes the number or time of the last one,
   * so that a tool which compares these finds nothing to run where the last one is recorded.
   *
   * @throws usage error when the tool or its files do not allow it
   */
  changes(request: SquashRequest): FolderChanges;
  /** Returns the text of a script as its file has it, with as many characters; absent: its SQL. */
  sourceOf?(script: SqlScript): string;
  /** The line between statements that the tool sends one by one. */
  separator?: string;
}

/** The line above the statements of one direction. */
export interface SectionMark {
  mark: RegExp;
  /** As in the tool's own template. */
  line: string;
}

/** The request for a new migration. */
export interface NewMigration {
  /** The folder's migrations, in the order in which they run. */
  migrations: readonly Migration[];
  /** A title with at least one letter or digit. */
  title: string;
  now: Date;
  /** Whether to create a module instead of SQL files. */
  module: boolean;
}

/** Settings of the role, the database or the URL that change what the SQL of a migration means. */
export interface ConnectionSettings {
  /** SQL of the value, by the name of the setting. */
  values: Readonly<Record<string, string>>;
  /** Schemas of the `search_path` that exist and that no migration creates. */
  schemas: readonly string[];
}

/** A hosted Postgres whose new databases are not empty. */
export interface Platform {
  /** SQL that brings a new database to that state, as far as any role on any server may run it. */
  prelude: string;
  /** SQL of the `search_path` of the platform's sessions. */
  searchPath: string;
  /** Schemas of the platform: only objects that migrations create are compared in them. */
  schemas: readonly string[];
  /** Replacements for extensions that the embedded shadow lacks. */
  standIns: StandIns;
}

/** SQL of a team that runs in every shadow before the first migration. */
export interface Prelude {
  file: string;
  sql: string;
  /** Its statements that set something for the session; they hold in every migration. */
  settings: readonly string[];
  /** The schemas that it creates: only objects that migrations create are compared in them. */
  schemas: readonly string[];
}

/** A tool's own lock. */
export type HostLock =
  /** A session-level advisory lock (server manual, "Advisory Locks"). */
  | { kind: 'advisory'; key: bigint }
  /**
   * A row. `take` and `release` return a row when they changed something. `held` locks the row and
   * selects, as `taking`, a value that differs for each lock taken; no row when the lock is free.
   */
  | { kind: 'row'; take: string; held: string; release: string; unlock: string };

/**
 * Loads a module without running it. A run loads all its modules before it runs the first.
 *
 * @throws usage error when the file cannot be loaded, or exports nothing for this direction
 */
export type LoadModule = (
  file: string,
  direction: Direction,
  inherits?: readonly string[],
) => Promise<LoadedModule>;

export interface LoadedModule {
  /** Whether the body of its function has only comments, as in the template of the tool. */
  isEmpty: boolean;
  /** Whether it must run outside a transaction. */
  noTransaction: boolean;
  /**
   * @param inTransaction whether the session is in a transaction, so that the module must not start one
   * @param opening statements that start the transaction, sent with the module's first statement
   */
  run(session: Session, inTransaction: boolean, opening?: Opening): Promise<unknown>;
}

/** SQL of a tracking table, as text that is sent in the same message as the migration. */
export interface Tracking {
  /** The name for messages. */
  table: string;
  /** All tables of the tool as `schema.table`; they are excluded from comparisons. */
  tables: readonly string[];
  /** Creates the missing tables as the tool creates them; can run any number of times. */
  create: string;
  /** Selects the rows in the order of application. */
  select: string;
  /** Returns the applied migrations that the rows record, in the order of the rows. */
  toApplied(rows: readonly TrackingRow[], migrations: readonly Migration[]): Applied;
  /** Selects one row with the values that all rows of a run share. */
  prepare?: string;
  /** @param prepared the row of `prepare` */
  record(migration: Migration, prepared: TrackingRow): string;
  /**
   * Returns SQL that records a migration that was not run, such as in a baseline; absent: as `record`.
   *
   * @param index position among the migrations recorded together, from 0
   */
  mark?(migration: Migration, prepared: TrackingRow, index: number): string;
  erase(migration: Migration): string;
  rows: RowForm;
}

/** The columns of a row, as `to_jsonb` returns them. */
export type RowColumns = Readonly<Record<string, unknown>>;

/** The shape of a tool's rows, for repairs. */
export interface RowForm {
  /** The table in SQL. */
  table: string;
  /** The columns of its primary key. */
  key: readonly string[];
  /** The columns by which the tool identifies a migration. */
  knownBy: readonly string[];
  /** Returns the columns that the tool derives from the file. */
  columnsOf(migration: Migration): RowColumns;
  /** Returns the recorded hash of the file's content; absent: the tool records none. */
  contentOf?(row: RowColumns, migration: Migration): string | null;
  /** Absent: every row records an applied migration. A `void` row is ignored. */
  stateOf?(row: RowColumns): 'applied' | 'failed' | 'void';
  /** The SET clause that voids a row, and the columns after it; absent: the row is deleted. */
  close?: { sql: string; columns: RowColumns };
  /** Further columns of a new row that `stateOf` reads. */
  fresh?: RowColumns;
  /** Returns the migration of a row whose `knownBy` columns are empty. */
  ownerOf?(row: RowColumns): Migration | undefined;
  /** Whether each row refers to the previous one, so that no row can be missing between two. */
  isChain?: boolean;
  /** Set where the tool orders the rows by time. */
  order?: {
    /** The column with the time. */
    column: string;
    /** Returns SQL that puts the rows of these names in this order; rows in order keep their time. */
    arrange(names: readonly string[]): string;
  };
  /** The tool's command that applies pending migrations. */
  command: string;
  /** Returns what that command would do. */
  next(rows: readonly RowColumns[], migrations: readonly Migration[]): Prospect;
}

/** The migrations that a tool would run next, in order, or why it would refuse to run. */
export type Prospect = { runs: string[] } | { stops: string };

export interface Applied {
  applied: AppliedMigration[];
  /** Problems of the rows that a comparison of names and hashes does not show. */
  findings: Finding[];
}

/**
 * A row of `Tracking.select`. Times are numbers (milliseconds since 1970), because pg parses a date
 * more slowly than all other columns together.
 */
export type TrackingRow = Record<string, unknown>;
