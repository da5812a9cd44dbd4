import { codeOf } from '../db/connection-error.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { readOnly, type Session } from '../db/session.ts';
import { exitCodes, usageError } from '../errors.ts';
import type { Block, Report } from '../report.ts';
import type { Figures, ReportDefinition, ReportRequest } from './definition.ts';

const undefinedObject = new Set<string>([sqlstate.undefinedTable, sqlstate.undefinedColumn]);

interface ReportOptions {
  /** Also print the definitions of columns and states. */
  explain?: boolean;
}

/**
 * Computes one report in a read-only transaction.
 *
 * @throws usage error (exit code 2) when the database lacks a table or column of the report; what the
 *   server reports of a table from which a policy hides rows
 */
export async function runReport<Request extends ReportRequest>(
  session: Session,
  definition: ReportDefinition<Request>,
  request: Request,
  options: ReportOptions = {},
): Promise<Report> {
  try {
    const figures = await readOnly(session, () => definition.compute(session, request));
    return toReport(figures, request, options);
  } catch (error) {
    if (!undefinedObject.has(codeOf(error)) || !(error instanceof Error)) throw error;
    throw usageError(
      'REPORT.SCHEMA',
      `Report ${definition.name} cannot run on this database: ${error.message}.`,
      'Apply the migrations that create it: dbops migrate up',
    );
  }
}

function toReport(
  figures: Figures,
  { asOf }: ReportRequest,
  { explain = false }: ReportOptions,
): Report {
  const { title, heading, period, columns, rows, totals, legend, summary, exitCode } = figures;
  const notes = explain ? [...legend, ...figures.notes] : figures.notes;
  const table: Block = { kind: 'table', title: heading, columns, rows, notes };
  return {
    exitCode: exitCode ?? exitCodes.done,
    data: {
      title,
      period,
      asOf,
      columns: columns.map(({ key, label }) => ({ key, label })),
      rows,
      totals,
      notes: [...legend, ...figures.notes],
    },
    blocks: [table, ...summary],
  };
}
