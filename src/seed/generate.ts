import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import type { KnownRows } from './apply.ts';
import type { SeedColumn, SeedTable } from './catalog.ts';
import { keyTextOf, type SeedValue } from './cells.ts';
import { sendRows } from './copy.ts';
import { generatorOf, oneOf, type ValueGenerator } from './distributions.ts';
import { evaluateSql } from './evaluate.ts';
import { asOurselves, asTheRole } from './role.ts';
import { sqlName } from './rows-sql.ts';
import type { BoundScale, TablesBySet } from './scale.ts';

export interface ScaleRun {
  now: Date;
  /** Rows of the sets of rows. */
  known: KnownRows;
  tables: TablesBySet;
  /** Rows that an earlier run loaded. */
  loaded: number;
  progress: (line: string) => void;
  signal: AbortSignal;
}

/** Loads the rows that are missing, in the caller's transaction. @returns their number */
export async function loadScale(session: Session, set: BoundScale, run: ScaleRun): Promise<number> {
  const columns: { column: SeedColumn; generate: ValueGenerator }[] = [];
  for (const each of set.columns)
    columns.push({ column: each.column, generate: await generatorFor(session, set, each, run) });
  const total = set.rows - run.loaded;
  const started = performance.now();
  await session.script(asTheRole);
  await sendRows(session, {
    table: set.table,
    columns,
    overriding: false,
    first: run.loaded,
    end: set.rows,
    signal: run.signal,
    onRows(sent) {
      run.progress(progressLine(set.name, sent, total, performance.now() - started));
    },
  });
  await session.script(asOurselves(session));
  return total;
}

const barWidth = 20;

function progressLine(name: string, sent: number, total: number, elapsed: number): string {
  const filled = Math.round((barWidth * sent) / total);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const perSecond = formatCount((1000 * sent) / Math.max(elapsed, 1));
  return `${name}  ${bar}  ${formatCount(sent)} of ${formatCount(total)} rows  ${perSecond} rows/s`;
}

async function generatorFor(
  session: Session,
  set: BoundScale,
  each: BoundScale['columns'][number],
  run: ScaleRun,
): Promise<ValueGenerator> {
  const { column, value, place } = each;
  if (value.kind === 'ref') return oneOf(await valuesOf(session, value, each, run), place);
  const { isJson, isInteger } = column;
  if (value.kind === 'sql') {
    const evaluated = await evaluateSql(session, [{ place, sql: value.sql, isJson }]);
    return constant(evaluated.get(place) ?? 'null', isJson);
  }
  const json: unknown = JSON.parse(value.json);
  if (typeof json !== 'string') return constant(value.json, isJson);
  return generatorOf(json, { place, rows: set.rows, now: run.now, isInteger });
}

function constant(json: string, isJson: boolean): ValueGenerator {
  const text = json === 'null' ? null : isJson ? json : keyTextOf(json);
  return () => text;
}

/** Values of the rows that a reference may mean. */
async function valuesOf(
  session: Session,
  { set, key }: Extract<SeedValue, { kind: 'ref' }>,
  { target = '', place }: Pick<BoundScale['columns'][number], 'target' | 'place'>,
  { known, tables }: ScaleRun,
): Promise<string[]> {
  if (key.length > 0)
    throw usageError(
      'SEED.REF',
      `${place} names one row of ${set}: a generated column refers to any row of a set.`,
      `Write ref('${set}').`,
    );
  const declared = [...known].flatMap(([row, refs]) =>
    row.startsWith(`${set}:`) && typeof refs[target] === 'string' ? [refs[target]] : [],
  );
  const table = tables.get(set);
  const found = declared.length > 0 || !table ? declared : await sampleOf(session, table, target);
  if (found.length > 0) return found;
  throw new DbopsError({
    code: 'SEED.REF',
    exitCode: exitCodes.failed,
    message: `${place} refers to ${set}, which has no rows.`,
    hint: `Seed it first: dbops seed --only ${set}`,
  });
}

/** As many of the first rows as fit into some megabytes. */
async function sampleOf(session: Session, table: SeedTable, target: string): Promise<string[]> {
  const order = [...table.primaryKey, target].map((column) => q(column)).join(', ');
  const rows = await session.query<{ value: string }>(
    `SELECT ${q(target)}::text AS value FROM ${sqlName(table)} WHERE ${q(target)} IS NOT NULL
      ORDER BY ${order} LIMIT 100000`,
  );
  return rows.map(({ value }) => value);
}
