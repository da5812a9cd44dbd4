import type { Migration } from '../../migration.ts';

/** The text of one migration within a squashed file. */
export interface SquashPart {
  /** The name of the migration. */
  name: string;
  /** Ends with a semicolon, unless it has no statement. */
  text: string;
}

/** What becomes one migration. */
export interface SquashRequest {
  directory: string;
  /** The migrations to replace, in order. */
  migrations: readonly [Migration, ...Migration[]];
  /** All migrations of the folder, in order. */
  all: readonly Migration[];
  title: string;
  /** Comments at the top of the file, without dashes. */
  head: readonly string[];
  up: readonly SquashPart[];
  /** In the order of a rollback; empty where a migration has none. */
  down: readonly SquashPart[];
}

/** Changes of a folder; paths are relative to it. */
export interface FolderChanges {
  /** Text of files that do not exist yet. They change nothing for the tool, or are one more migration. */
  add: Record<string, string>;
  /** Text of files that exist. */
  replace: Record<string, string>;
  remove: string[];
}
