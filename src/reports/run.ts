import { codeOf } from '../db/connection-error.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { readOnly, type Session } from '../db/session.ts';
import type { FiguresData, FiguresRow } from '../documents.ts';
import { exitCodes, usageError } from '../errors.ts';
import { text, type Block, type Report } from '../report.ts';
import type { FigureRow, Figures, ReportDefinition, ReportRequest } from './definition.ts';

const undefinedObject = new Set<string>([sqlstate.undefinedTable, sqlstate.undefinedColumn]);

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
): Promise<Report<FiguresData>> {
  try {
    const figures = await readOnly(session, () => definition.compute(session, request));
    return toReport(figures, request);
  } catch (error) {
    if (!undefinedObject.has(codeOf(error)) || !(error instanceof Error)) throw error;
    throw usageError(
      'REPORT.SCHEMA',
      `Report ${definition.name} cannot run on this database: ${error.message}.`,
      'Apply the migrations that create it: dbops migrate up',
    );
  }
}

/** Returns the report of figures: its document, its table, remarks about the result, and the totals in words. */
export function toReport(figures: Figures, { asOf }: ReportRequest): Report<FiguresData> {
  const { title, heading, period, columns, rows, totals, legend, summary, exitCode } = figures;
  const table: Block = { kind: 'table', title: heading, columns, rows, notes: legend };
  const remarks = figures.notes.map((note) => text(note, 'dim'));
  return {
    exitCode: exitCode ?? exitCodes.done,
    data: {
      title,
      period: { from: period.from.toISOString(), to: period.to.toISOString() },
      asOf: asOf.toISOString(),
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
  const document: FiguresRow = {};
  for (const [key, cell] of Object.entries(row))
    if (cell !== undefined) document[key] = plain(cell);
  return document;
}

function plain(cell: Exclude<FigureRow[string], undefined>): FiguresRow[string] {
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
  return cell;
}
