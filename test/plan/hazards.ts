import type { Session } from '../../src/db/session.ts';
import type { LiveFacts } from '../../src/plan/live-facts.ts';
import { type Observer } from '../../src/plan/observe/observer.ts';
import type { StatementObservation } from '../../src/plan/observation.ts';
import { judgeMigrations, type StatementVerdict } from '../../src/plan/verdict.ts';
import { observedStatements } from './plan-page.ts';

export type ObservedStatement = (typeof observedStatements)[number];

/** Statements that fail at once do no work. */
export const runningStatements = observedStatements.filter(({ fails }) => fails === undefined);

const blocking = new Set(['SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE']);
const views = new Set(['mv']);

/** When these were observed the default partition had no rows; the server scans it all the same. */
const scansDefault = /^create table p3\b|attach partition pnew_ck/;
const sequences = new Set(['sq', 'idt_id_seq']);

/**
 * Returns whether a statement rewrites, scans or indexes a table while writes or reads wait.
 *
 * TRUNCATE makes new files too, but its duration does not grow with the table. Nobody writes to
 * a materialized view.
 */
export function isHazard({ sql, locks, rewrites, scans }: ObservedStatement): boolean {
  const waits = Object.entries(locks).some(
    ([name, mode]) => blocking.has(mode) && (!views.has(name) || mode === 'ACCESS EXCLUSIVE'),
  );
  const works =
    scansDefault.test(sql) || [...rewrites, ...scans].some((name) => !sequences.has(name));
  return waits && works && !sql.startsWith('truncate');
}

/** Runs statements in one transaction in the schema without rows, and rolls it back. @returns what they did */
export async function observeStatements(
  session: Session,
  observer: Observer,
  texts: readonly string[],
): Promise<StatementObservation[]> {
  await observer.begin();
  await session.script("SET LOCAL TimeZone = 'Europe/Berlin'");
  try {
    for (const sql of texts) {
      const isWrite = /^(?:update|delete)/m.test(sql);
      await observer.observe({ sql, isWrite }, () => session.script(sql));
    }
    return observer.take();
  } finally {
    await observer.rollback();
  }
}

/** Returns the verdicts on the statements of one migration, with the limits that a configuration has without any. */
export async function judge(
  statements: StatementObservation[],
  facts: LiveFacts,
): Promise<readonly StatementVerdict[]> {
  const [judged] = await judgeMigrations(
    [{ migration: '0001_a', file: '0001_a.sql', statements }],
    {
      facts,
      limits: { maxBlocked: 2_000, maxDuration: 60_000 },
      violations: new Map(),
    },
  );
  return judged?.statements ?? [];
}

/** Returns sizes of the tables of a database. @param rows of each table, of 100 bytes */
export async function factsOf(session: Session, rows: number): Promise<LiveFacts> {
  const tables = await session.query<{ name: string; kind: string; indexes: string[] | null }>(
    `SELECT c.relname AS name, c.relkind AS kind,
        (SELECT array_agg(i.indexrelid::regclass::text) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm')`,
  );
  const kinds = { r: 'table', p: 'partitioned table', m: 'materialized view' } as const;
  return {
    serverVersion: session.server.version,
    applied: [],
    tables: tables.map(({ name, kind, indexes }) => ({
      schema: 'public',
      name,
      kind: kinds[kind as keyof typeof kinds],
      rows,
      heapBytes: rows * 100,
      toastBytes: 0,
      indexes: (indexes ?? []).map((index) => ({ name: index, bytes: rows * 20, isValid: true })),
    })),
  };
}
