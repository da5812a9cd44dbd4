import type { Kysely } from 'kysely';
import { kyselyOf } from '../db/kysely.ts';
import type { Session } from '../db/session.ts';
import type { ExitCode } from '../errors.ts';
import type { Block, Column } from '../report.ts';
import type { Period } from './period.ts';

/** The options of every report, besides its own filters. */
export interface ReportRequest {
  /** The instant that the report describes. */
  asOf: Date;
}

export interface UsageRequest extends ReportRequest {
  /** Default: the UTC month that contains `asOf`. */
  period?: Period | undefined;
  /** Slug or id. Default: every organization. */
  organization?: string | undefined;
  /** A key that the report declares. Default: every feature. */
  feature?: string | undefined;
  /** Return exit code 4 when a figure has one of these states. */
  failOn?: readonly ('over' | 'no-limit-row')[];
  /** States of a subscription in which its plan applies. Default: `active` alone. */
  planStatuses?: readonly string[];
  /** The present, of which plans and limits are; default: `asOf`. */
  now?: Date;
}

/** A report over the tables of one application. */
export interface ReportDefinition<Request extends ReportRequest> {
  /** The word after `dbops report`. */
  name: string;
  /** The schema of the tables: the search_path of a role must not decide what is counted. */
  schema: string;
  /** Every table that the report reads. */
  tables: readonly string[];
  /**
   * Throws for a request that names something the report does not have; needs no database.
   *
   * @throws usage error
   */
  validate?(request: Request): void;
  /** Computes the figures inside a REPEATABLE READ READ ONLY transaction in UTC. */
  compute(session: Session, request: Request): Promise<Figures>;
}

/**
 * The parts of a report. `read` only queries and `present` only computes, so that each can be tested
 * without the other.
 */
interface ReportParts<DB, Request extends ReportRequest, Facts> extends Omit<
  ReportDefinition<Request>,
  'compute' | 'tables'
> {
  tables: readonly (keyof DB & string)[];
  read(db: Kysely<DB>, request: Request): Promise<Facts>;
  present(facts: Facts, request: Request): Figures;
}

/** Builds a report whose queries are typed by the schema `DB` of the application. */
export function defineReport<DB, Request extends ReportRequest, Facts>({
  read,
  present,
  ...rest
}: ReportParts<DB, Request, Facts>): ReportDefinition<Request> {
  return {
    ...rest,
    async compute(session, request) {
      const db = kyselyOf<DB>(session).withSchema(rest.schema);
      return present(await read(db, request), request);
    },
  };
}

/** A row of figures, by the keys of columns. */
export type FigureRow = Record<
  string,
  string | number | bigint | boolean | null | undefined | Date
>;

/** The figures of a report, before they become text, CSV or JSON. */
export interface Figures {
  title: string;
  /** The title with its period, printed above the table. */
  heading: string;
  period: Period;
  columns: Column[];
  /** May have more keys than the columns show; JSON has all of them. */
  rows: FigureRow[];
  totals: FigureRow;
  /** The definitions of columns and states, one a line; printed with `--explain` only. */
  legend: string[];
  /** Remarks about this result, such as rows that were not counted. */
  notes: string[];
  /** Printed below the table: the totals in words. */
  summary: Block[];
  /** Default: 0. */
  exitCode?: ExitCode;
}
