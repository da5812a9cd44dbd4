/** SQL text of one direction, or a module that exports functions. */
export type Script = { kind: 'sql'; file: string; sql: string } | { kind: 'module'; file: string };

/** What `-- dbops: …` comments at the top of a file ask for. */
export interface Directives {
  /** The file runs outside a transaction, statement by statement. */
  noTransaction: boolean;
  /** Names of backfills that must be complete before the file runs. */
  requiresBackfill: string[];
  /** Milliseconds; overrides `--lock-timeout` for this file. */
  lockTimeout?: number;
}

/** One migration of a folder, read but not run. */
export interface Migration {
  /** The key in the tracking table. */
  name: string;
  up: Script;
  /** Absent when the folder has no rollback for it. */
  down?: Script;
  /** As the format writes it into its tracking table. */
  hash: string;
}

/** One row of a tracking table. */
export interface AppliedMigration {
  name: string;
  hash: string | null;
  appliedAt: Date | null;
}

export type Direction = 'up' | 'down';
