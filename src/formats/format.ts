import type { AppliedMigration, Migration } from '../migration.ts';

/** A folder of migrations, read. */
export interface Folder {
  format: Format;
  directory: string;
  /** In the order in which they run. */
  migrations: Migration[];
}

/**
 * What dbops knows of one migration tool: how its folder is read, and how its tracking table is
 * read and written. To add one: a file here, and a line in `index.ts`.
 */
export interface Format {
  name: string;
  /** Whether the files of a directory are this tool's. */
  matches(files: readonly string[]): boolean;
  /** @param files the names in the directory */
  read(directory: string, files: readonly string[]): Migration[];
  tracking: Tracking;
}

/** SQL of a tracking table. Statements are text: they ride in the migration's own round trip. */
export interface Tracking {
  /** For people. */
  table: string;
  /** Makes the table where it is missing; may run any number of times. */
  create: string;
  /** Selects `name`, `hash` and `applied_ms` (since 1970), in the order of application. */
  select: string;
  record(migration: Migration): string;
  erase(migration: Migration): string;
}

/** A row of `Tracking.select`. */
export interface TrackingRow {
  name: string;
  hash: string | null;
  /** A number, because thousands of dates take longer to parse than the rest of the row. */
  applied_ms: number | null;
}

export function toApplied({ name, hash, applied_ms }: TrackingRow): AppliedMigration {
  return { name, hash, appliedAt: applied_ms === null ? null : new Date(applied_ms) };
}
