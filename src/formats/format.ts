import type { StandIns } from '../db/pglite-extensions.ts';
import type { Opening } from '../db/opening.ts';
import type { Session } from '../db/session.ts';
import type { AppliedMigration, Direction, Migration } from '../migration.ts';
import type { Finding } from '../report.ts';
import type { MigrationContent } from './shared/written-migration.ts';
import type { TrackingTableName } from './shared/tracking-table.ts';

/** What a format finds in a directory. */
export interface FolderContents {
  /** In the order in which they run. */
  migrations: Migration[];
  /** What is wrong with the folder itself, told without a database. */
  findings: Finding[];
  tracking: Tracking;
  /** These two where they follow from the folder's own settings; otherwise they are the format's. */
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

/** A folder of migrations, read. */
export interface Folder extends Omit<FolderContents, 'loadModule'> {
  format: Format;
  directory: string;
}

/**
 * What dbops knows of one migration tool: how its folder is read, and how its tracking table is
 * read and written. To add one: a file here, and a line in `index.ts`.
 */
export interface Format {
  /** The word for `--format`. */
  name: string;
  /**
   * Whether a directory is this tool's. Called for directories that are not, so it looks at names
   * first, and opens a file only where names can't tell.
   *
   * @param names of the directory's entries
   */
  matches(directory: string, names: readonly string[]): boolean;
  /**
   * @param names of the directory's entries
   * @param trackingTable the one that the tool was told to use; without it, its default or what its
   *   settings spell out. A format whose tool knows one table only leaves it unread
   */
  read(
    directory: string,
    names: readonly string[],
    trackingTable?: TrackingTableName,
  ): FolderContents;
  /** The columns of its tracking table, in every form that it has: they tell it in another place. */
  columns: readonly (readonly string[])[];
  /** The hash of a file's text, for telling which version of it was applied; absent without hashes. */
  hashOf?(source: string): string;
  /** What the databases that its migrations are written for have from the start. */
  platform?: Platform;
  /** The `search_path` that the tool sets, whatever the role's; absent where it leaves it alone. */
  searchPath?: string;
  /** What keeps the tool itself from running while dbops does; absent when the tool has no lock. */
  hostLock?: HostLock;
  /** Loads a module for one direction; absent when the tool has no modules. */
  loadModule?: LoadModule;
  /**
   * Files that can not run in a transaction must say so with `-- dbops: no-transaction`. Of other
   * tools' files nobody can ask that: dbops finds out from the statements.
   */
  needsDirective?: boolean;
  /** Where somebody would write the rollback of a migration that has none, if the tool can have one. */
  downFile?(migration: Migration): string;
  /** How it marks the directions of a file that holds both. */
  sections?: Record<Direction, SectionMark>;
  /**
   * The files of a new, empty migration that comes last, as the tool would begin it: text by path
   * below the folder. Absent where only the tool can.
   *
   * @throws usage error when the folder's names leave no place for it
   */
  newFiles?(request: NewMigration): Record<string, string>;
  /**
   * The files of a migration that dbops writes itself, text by path below the folder, where more is
   * needed than SQL in the files of `newFiles`. It may replace files.
   */
  writtenFiles?(
    directory: string,
    request: NewMigration,
    content: MigrationContent,
  ): Record<string, string>;
  /** The text of an SQL file of both, where it is more than statements one below the other. */
  textOf?(content: MigrationContent): string;
  /** The way to a new migration, ending in a command, where only the tool can write all of it. */
  newCommand?(slug: string): string;
}

/** The line above the statements of one direction. */
export interface SectionMark {
  mark: RegExp;
  /** As the tool's own template has it. */
  line: string;
}

/** A migration that somebody wants to begin. */
export interface NewMigration {
  /** Those of the folder, in the order in which they run. */
  migrations: readonly Migration[];
  /** What it does, in the person's words; it holds a letter or a digit. */
  title: string;
  now: Date;
  /** A module was asked for. */
  module: boolean;
}

/** A hosted Postgres that is not empty when it is new. */
export interface Platform {
  /** SQL that it has run before the first migration: as good as any role may run it anywhere. */
  prelude: string;
  /** SQL of the `search_path` of its sessions. */
  searchPath: string;
  /** Its own schemas: what is in them is compared only as far as migrations make it. */
  schemas: readonly string[];
  /** For extensions that it has and the embedded shadow lacks. */
  standIns: StandIns;
}

/** A tool's own lock. */
export type HostLock =
  /** A session-level advisory lock (server manual, "Advisory Locks"). */
  | { kind: 'advisory'; key: bigint }
  /**
   * A row; `take` and `release` have a result row when they changed something. `held` selects in
   * `taking` what tells one taking from the next, and locks the row; nothing where it is free.
   */
  | { kind: 'row'; take: string; held: string; release: string; unlock: string };

/**
 * @throws usage error when the file can't be loaded, or has nothing for this direction. Nothing is
 *   run: a run loads all of its modules before the first one
 */
export type LoadModule = (
  file: string,
  direction: Direction,
  inherits?: readonly string[],
) => Promise<LoadedModule>;

export interface LoadedModule {
  /** It must not run in a transaction. */
  noTransaction: boolean;
  /**
   * @param inTransaction whether the session is in one: the module must then not begin another
   * @param opening begins it, where it has not begun: sent with the module's first statement, and
   *   left alone by a module that sends none
   */
  run(session: Session, inTransaction: boolean, opening?: Opening): Promise<unknown>;
}

/** SQL of a tracking table. Statements are text: they ride in the migration's own round trip. */
export interface Tracking {
  /** For people. */
  table: string;
  /** All tables of the tool, with their schemas: they are not the application's. */
  tables: readonly string[];
  /** Makes the tables where they are missing, as the tool makes them; may run any number of times. */
  create: string;
  /** Selects the rows in the order of application. */
  select: string;
  /** What the rows say of the folder's migrations, in the order of the rows. */
  toApplied(rows: readonly TrackingRow[], migrations: readonly Migration[]): Applied;
  /** Selects one row of values that all rows written by one run share. */
  prepare?: string;
  /** @param prepared the row of `prepare` */
  record(migration: Migration, prepared: TrackingRow): string;
  /**
   * The row of a migration that was found, not run; absent: as `record`.
   *
   * @param index its place among those that are found together, from 0
   */
  mark?(migration: Migration, prepared: TrackingRow, index: number): string;
  erase(migration: Migration): string;
  rows: RowForm;
}

/** The columns of a row, as `to_jsonb` writes them. */
export type RowColumns = Readonly<Record<string, unknown>>;

/** What a repair has to know of a tool's rows. */
export interface RowForm {
  /** The table in SQL. */
  table: string;
  /** The primary key that the tool gives it. */
  key: readonly string[];
  /** The columns by which the tool tells migrations apart. */
  knownBy: readonly string[];
  /** The columns that follow from the file, as the tool writes them. */
  columnsOf(migration: Migration): RowColumns;
  /** The hash that the row has of the file's content; absent: the tool keeps none. */
  contentOf?(row: RowColumns, migration: Migration): string | null;
  /** Absent: every row says that its migration is applied. `void` ones say nothing. */
  stateOf?(row: RowColumns): 'applied' | 'failed' | 'void';
  /** What is set in a row that is not to count any more, and how it reads then; absent: it is deleted. */
  close?: { sql: string; columns: RowColumns };
  /** What a new row has beside `columnsOf`, as far as `stateOf` looks at it. */
  fresh?: RowColumns;
  /** The migration of a row that has none of `knownBy`. */
  ownerOf?(row: RowColumns): Migration | undefined;
  /** A row refers to that of the migration before: there can be no gap. */
  isChain?: boolean;
  /** Where the tool goes by the times of the rows. */
  order?: {
    /** The column with the time. */
    column: string;
    /** SQL that gives the rows of these names their order; those that are in place stay. */
    arrange(names: readonly string[]): string;
  };
  /** The command with which the tool applies what is pending. */
  command: string;
  /** What that command would do. */
  next(rows: readonly RowColumns[], migrations: readonly Migration[]): Prospect;
}

/** What a tool runs next, in order, or why it stops before the first. */
export type Prospect = { runs: string[] } | { stops: string };

export interface Applied {
  applied: AppliedMigration[];
  /** What is wrong with the rows, beyond what a comparison of names and hashes shows. */
  findings: Finding[];
}

/**
 * A row of `Tracking.select`. Times are selected as numbers (milliseconds since 1970): thousands
 * of dates take longer to parse than the rest of the row.
 */
export type TrackingRow = Record<string, unknown>;
