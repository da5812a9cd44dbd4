import * as z from 'zod';
import { readOnly, type Session } from '../../src/db/session.ts';
import { toCsv } from '../../src/output/csv.ts';
import { toJson } from '../../src/output/json.ts';
import { toText } from '../../src/output/text.ts';
import type { Report } from '../../src/report.ts';
import { withEquals, withLedger } from '../../src/reports/credits/declared.ts';
import type { Credits } from '../../src/reports/credits/definition.ts';
import type { Figures } from '../../src/reports/definition.ts';
import { ledgerFigures } from '../../src/reports/ledger/report.ts';
import type { LedgerRequest } from '../../src/reports/ledger/read.ts';
import { parseMonth } from '../../src/reports/period.ts';
import { reconcileFigures } from '../../src/reports/reconcile/report.ts';
import { toReport, toTimelessReport } from '../../src/reports/run.ts';

/** Computes a report as its command does: in one read-only transaction. */
export async function reportOf(
  session: Session,
  asOf: Date,
  compute: () => Promise<Figures>,
): Promise<Report> {
  return toReport(await readOnly(session, compute), { asOf });
}

/** The ledger of a month such as `2026-02`. */
export function ledgerOf(
  session: Session,
  credits: Credits,
  { month, ...request }: Omit<LedgerRequest, 'period'> & { month: string },
): Promise<Report> {
  const period = z.custom<LedgerRequest['period']>((value) => value !== undefined);
  const asked = { ...request, period: period.parse(parseMonth(month)) };
  return reportOf(session, asked.period.to, () =>
    ledgerFigures(session, withLedger(credits), asked),
  );
}

export async function reconcileOf(
  session: Session,
  credits: Credits,
  holder?: string,
): Promise<Report> {
  const compute = () => reconcileFigures(session, withEquals(credits), { holder });
  return toTimelessReport(await readOnly(session, compute));
}

const document = z.object({
  rows: z.array(z.record(z.string(), z.unknown())),
  totals: z.record(z.string(), z.unknown()),
  notes: z.array(z.string()),
});

/** What is in the document of a report, typed. */
export function dataOf({ data }: Report): z.infer<typeof document> {
  return document.parse(data);
}

/** The values of these keys in each row, with blanks between them. */
export function linesOf(report: Report, ...keys: string[]): string[] {
  return dataOf(report).rows.map((row) => keys.map((key) => String(row[key])).join(' '));
}

/** Every form of a report: in a pipe, as CSV and as JSON. */
export async function formsOf({ blocks, data }: Report) {
  const [table] = blocks.filter((block) => block.kind === 'table');
  return {
    text: await toText(blocks, { color: false }),
    csv: table ? toCsv(table) : '',
    json: toJson(data),
  };
}
