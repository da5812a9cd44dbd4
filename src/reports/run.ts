import { sql, type Kysely } from 'kysely';
import { codeOf } from '../db/connection-error.ts';
import { kyselyOf } from '../db/kysely.ts';
import type { DB } from '../reference/schema.ts';
import { readOnly, type Session } from '../db/session.ts';
import { exitCodes, usageError } from '../errors.ts';
import { text, type Block, type Report } from '../report.ts';
import type { Figures, ReportDefinition, ReportRequest } from './definition.ts';

/** SQLSTATEs of an object that an earlier schema does not have. */
const missing = new Set(['42P01', '42703']);

/**
 * Reads and presents one report.
 *
 * @throws usage error (exit code 2) when the database lacks a table or column of the report
 */
export async function runReport<Request extends ReportRequest, Facts>(
  session: Session,
  definition: ReportDefinition<Request, Facts>,
  request: Request,
): Promise<Report> {
  // Named schema: the search_path of a role must not decide what is counted.
  const db = kyselyOf<DB>(session).withSchema('public');
  try {
    const { facts, filtered } = await readOnly(session, async () => ({
      filtered: await isFiltered(db, definition.tables),
      facts: await definition.read(db, request),
    }));
    return toReport(definition.present(facts, request), request.asOf, filtered);
  } catch (error) {
    if (!missing.has(codeOf(error)) || !(error instanceof Error)) throw error;
    throw usageError(
      'REPORT.SCHEMA',
      `report ${definition.name} needs what this database does not have: ${error.message}.`,
      'Apply the migrations that make it: dbops migrate up',
    );
  }
}

/** Whether row security hides rows of these tables from this role: the figures would look right. */
async function isFiltered(db: Kysely<DB>, tables: readonly (keyof DB)[]): Promise<boolean> {
  const active = tables.map((table) => sql<boolean>`row_security_active(${`public.${table}`})`);
  const { filtered } = await db
    .selectNoFrom((eb) => eb.or(active).as('filtered'))
    .executeTakeFirstOrThrow();
  return Boolean(filtered);
}

function toReport(figures: Figures, asOf: Date, filtered: boolean): Report {
  const { title, heading, period, columns, rows, totals, notes, summary, exitCode } = figures;
  const blocks: Block[] = [{ kind: 'table', title: heading, columns, rows, notes }, ...summary];
  if (filtered) blocks.push(text(partial, 'warn'));
  return {
    exitCode: exitCode ?? exitCodes.done,
    data: {
      title,
      period,
      asOf,
      rowSecurity: filtered,
      columns: columns.map(({ key, label }) => ({ key, label })),
      rows,
      totals,
      notes,
    },
    blocks,
  };
}

const partial =
  'Row security limits what this role sees: the figures are of its rows only. Connect as the owner of the tables, or as a role with BYPASSRLS.';
