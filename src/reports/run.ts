import { codeOf } from '../db/connection-error.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { readOnly, type Session } from '../db/session.ts';
import type { FiguresData, FiguresRow, ReconcileData } from '../documents.ts';
import { exitCodes, usageError } from '../errors.ts';
import { text, type Block, type Report } from '../report.ts';
import type { FigureRow, Figures, ReportDefinition, ReportRequest } from './definition.ts';

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
): Promise<Report<FiguresData>> {
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

/** Returns the report of figures; the remarks about them are printed without `--explain` too. */
export function toReport(
  { period, ...figures }: Figures,
  { asOf }: ReportRequest,
  options: ReportOptions = {},
): Report<FiguresData> {
  const { data, ...report } = toTimelessReport(figures, options);
  const { title, ...rest } = data;
  return {
    ...report,
    data: {
      title,
      period: { from: period.from.toISOString(), to: period.to.toISOString() },
      asOf: asOf.toISOString(),
      ...rest,
    },
  };
}

/** The same for figures that belong to no period. */
export function toTimelessReport(
  figures: Omit<Figures, 'period'>,
  { explain = false }: ReportOptions = {},
): Report<ReconcileData> {
  const { title, heading, columns, rows, totals, legend, summary, exitCode } = figures;
  const notes = explain ? legend : [];
  const table: Block = { kind: 'table', title: heading, columns, rows, notes };
  const remarks = figures.notes.map((note) => text(note, 'warn'));
  return {
    exitCode: exitCode ?? exitCodes.done,
    data: {
      title,
      columns: columns.map(({ key, label }) => ({ key, label })),
      rows: rows.map(plainRow),
      totals: plainRow(totals),
      notes: [...legend, ...figures.notes],
    },
    blocks: [table, ...remarks, ...summary],
  };
}

/** Returns a row as its JSON document has it, without the keys that have no value. */
function plainRow(row: FigureRow): FiguresRow {
  return Object.fromEntries(
    Object.entries(row).flatMap(([key, cell]) => (cell === undefined ? [] : [[key, plain(cell)]])),
  );
}

function plain(cell: Exclude<FigureRow[string], undefined>): FiguresRow[string] {
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
  return cell;
}
