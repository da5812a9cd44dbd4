import { codeOf } from '../db/connection-error.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { readOnly, type Session } from '../db/session.ts';
import { exitCodes, usageError } from '../errors.ts';
import { text, type Block, type Report } from '../report.ts';
import type { Figures, ReportDefinition, ReportRequest } from './definition.ts';

const undefinedObject = new Set<string>([sqlstate.undefinedTable, sqlstate.undefinedColumn]);

interface ReportOptions {
  /** Also print the definitions of columns and states. */
  explain?: boolean;
}

/**
 * Computes one report in a read-only transaction.
 *
 * @throws usage error (exit code 2) when the database lacks a table or column of the report
 */
export async function runReport<Request extends ReportRequest>(
  session: Session,
  definition: ReportDefinition<Request>,
  request: Request,
  options: ReportOptions = {},
): Promise<Report> {
  try {
    const { figures, isFiltered } = await readOnly(session, async () => ({
      isFiltered: await isRowSecurityActive(session, definition),
      figures: await definition.compute(session, request),
    }));
    return toReport(figures, request, isFiltered, options);
  } catch (error) {
    if (!undefinedObject.has(codeOf(error)) || !(error instanceof Error)) throw error;
    throw usageError(
      'REPORT.SCHEMA',
      `Report ${definition.name} cannot run on this database: ${error.message}.`,
      'Apply the migrations that create it: dbops migrate up',
    );
  }
}

/** Returns whether row security hides rows of the report's tables from the current role. */
async function isRowSecurityActive(
  session: Session,
  { schema, tables }: Pick<ReportDefinition<ReportRequest>, 'schema' | 'tables'>,
): Promise<boolean> {
  const [row] = await session.query<{ active: boolean }>(
    'SELECT bool_or(row_security_active(name)) AS active FROM unnest($1::text[]) AS t (name)',
    [tables.map((table) => `${schema}.${table}`)],
  );
  return row?.active === true;
}

function toReport(
  figures: Figures,
  { asOf }: ReportRequest,
  rowSecurity: boolean,
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
      rowSecurity,
      columns: columns.map(({ key, label }) => ({ key, label })),
      rows,
      totals,
      notes: [...legend, ...figures.notes],
    },
    blocks: [table, ...summary, ...(rowSecurity ? [text(partialResult, 'warn')] : [])],
  };
}

const partialResult =
  'Row security limits what this role sees; the figures cover only its rows. Connect as the owner of the tables or as a role with BYPASSRLS.';
