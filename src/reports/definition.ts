import type { Kysely } from 'kysely';
import type { DB } from '../reference/schema.ts';
import type { ExitCode } from '../errors.ts';
import type { Block, Column, Row } from '../report.ts';
import type { Period } from './period.ts';

/** What every report is asked for, beside filters of its own. */
export interface ReportRequest {
  /** The instant that the report speaks of; the same instant over the same rows gives the same figures. */
  asOf: Date;
}

/**
 * One report. To add one: a file here that exports it, and a line in `index.ts`. `read` only
 * queries and `present` only computes, so that each can be tested without the other.
 */
export interface ReportDefinition<Request extends ReportRequest, Facts> {
  /** The word after `dbops report`, and the name of the file. */
  name: string;
  /** Every table that `read` touches. */
  tables: readonly (keyof DB)[];
  /** Runs inside one REPEATABLE READ READ ONLY transaction in UTC. */
  read(db: Kysely<DB>, request: Request): Promise<Facts>;
  present(facts: Facts, request: Request): Figures;
}

/** The finished figures, before they become text, CSV or JSON. */
export interface Figures {
  title: string;
  /** The title with its time, over the table. */
  heading: string;
  period: Period;
  columns: Column[];
  /** May hold more keys than the columns show; JSON has them all. */
  rows: Row[];
  totals: Row;
  /** The definitions of the figures, one line each. */
  notes: string[];
  /** What is printed beneath the table: the totals in words. */
  summary: Block[];
  /** Absent: 0. */
  exitCode?: ExitCode;
}
