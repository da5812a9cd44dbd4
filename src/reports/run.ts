import type { FiguresData, FiguresRow, ReconcileData } from '../documents.ts';
import { exitCodes } from '../errors.ts';
import { text, type Block, type Report } from '../report.ts';
import type { FigureRow, Figures, ReportRequest } from './definition.ts';

/** Returns the report of figures; the remarks about them are printed without `--explain` too. */
export function toReport(
  { period, ...figures }: Figures,
  { asOf }: ReportRequest,
): Report<FiguresData> {
  const { data, ...report } = toTimelessReport(figures);
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
export function toTimelessReport(figures: Omit<Figures, 'period'>): Report<ReconcileData> {
  const { title, heading, columns, rows, totals, legend, summary, chart, exitCode } = figures;
  const table: Block = {
    kind: 'table',
    title: heading,
    columns,
    rows,
    notes: legend,
    ...(chart && { chart }),
  };
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
