/** SQL text of one direction. */
export interface SqlScript {
  kind: 'sql';
  file: string;
  /**
   * Without the BOM that an editor may have left in the file. Where it is a section of a file, the
   * lines above it are empty ones, so that line numbers are those of the file.
   */
  sql: string;
  /** The tool's own mark says that it must not run in a transaction. */
  noTransaction?: boolean | undefined;
  /** The text for one database, where the tool completes it with names of the connection. */
  sqlFor?: ((connection: ConnectionNames) => string) | undefined;
}

/** Names of a connection, as pg's client has them. */
export interface ConnectionNames {
  database?: string | undefined;
  user?: string | undefined;
}

/** A module that exports functions. */
export interface ModuleScript {
  kind: 'module';
  file: string;
  /** The text of the file when the folder was read. */
  source?: string | undefined;
  /** Modules of the folder whose exports hold in this one too. */
  inherits?: readonly string[];
}

export type Script = SqlScript | ModuleScript;

/** What `-- dbops: …` comments at the top of a file ask for. */
export interface Directives {
  /** The file runs outside a transaction, statement by statement. */
  noTransaction: boolean;
  /** Names of backfills that must be complete before the file runs. */
  requiresBackfill: string[];
  /** Milliseconds; overrides `--lock-timeout` for this file. */
  lockTimeout?: number;
  /** What the file drops is not copied, because its values are elsewhere. */
  noRescue?: boolean;
}

/** One migration of a folder, read but not run. */
export interface Migration {
  /** The key in the tracking table. */
  name: string;
  /** What no two migrations of the folder may share; absent where the tool allows twins. */
  version?: string | undefined;
  up: Script;
  /** Absent when the folder has no rollback for it. */
  down?: Script | undefined;
  /** As the format writes it into its tracking table, or would. */
  hash: string;
  /** Hashes that the tool takes for the same file, such as with other line endings. */
  otherHashes?: readonly string[] | undefined;
  /** The folder lists it, but its file no longer exists: reading the script throws. */
  isMissing?: boolean | undefined;
  /** Further values of its tracking row; only the format that read them knows their names. */
  row?: Readonly<Record<string, string | number>> | undefined;
}

/** Returns a migration with other values. A spread would lose those that are computed when they are read. */
export function changedMigration(from: Migration, changes: Partial<Migration>): Migration {
  const { name, version, up, down, hash, otherHashes, isMissing, row } = from;
  return { name, version, up, down, hash, otherHashes, isMissing, row, ...changes };
}

/** One row of a tracking table. */
export interface AppliedMigration {
  name: string;
  /** `null` where the tool records none. */
  hash: string | null;
  appliedAt: Date | null;
  /** The tool began it, and recorded that it did not end. */
  isFailed?: boolean;
}

export type Direction = 'up' | 'down';
