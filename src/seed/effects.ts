import * as z from 'zod';
import { quoteLiteral, quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { asOurselves } from './role.ts';
import { usageError } from '../errors.ts';
import type { TableEffect } from './table-effect.ts';

const states = z.array(
  z.object({
    oid: z.number(),
    schema: z.string(),
    name: z.string(),
    state: z.string(),
    net: z.number(),
  }),
);

type States = z.infer<typeof states>;

/**
 * The counters of this transaction, which also count what was rolled back and updates that change nothing:
 * they select the tables to compare. TRUNCATE gives a table another file.
 */
const statesSql = `SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name,
    concat_ws(' ', s.n_tup_ins + s.n_tup_upd + s.n_tup_del, pg_relation_filenode(c.oid)) AS state,
    (s.n_tup_ins - s.n_tup_del)::float8 AS net
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_stat_xact_user_tables s ON s.relid = c.oid
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'dbops'`;

/** 128 bits of the text of a row. */
const hash = `hashtextextended(t::text, 0)::text || hashtextextended(t::text, 1)::text`;

/** Tables with the same number of rows differ in their sums. */
const digest = `count(*)::float8 AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS sum`;

const contents = z.array(
  z.object({ oid: z.number(), rows: z.number(), sum: z.string(), other: z.unknown() }),
);

/**
 * Runs `work` behind a savepoint, compares the rows of every table before and after, and rolls it back.
 *
 * Rows are compared by content, so an update to the same values is no effect. The transaction time does not
 * change between two runs, so `now()` is no effect either.
 *
 * @returns the tables whose rows are others; empty: none
 * @throws what `work` throws, after the rollback
 */
export async function effectsOf(
  session: Session,
  work: () => Promise<void>,
): Promise<TableEffect[]> {
  // The file may have changed the role.
  const ours = `RESET SESSION AUTHORIZATION; RESET ROLE; ${asOurselves(session)}`;
  const back = `ROLLBACK TO SAVEPOINT dbops_seed; RELEASE SAVEPOINT dbops_seed`;
  const [start] = await session.query<{ next: string; counts: string }>(
    `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next, current_setting('track_counts') AS counts`,
  );
  if (start?.counts !== 'on') throw notCounted();
  const before = states.parse(await session.query(statesSql));
  await session.script('SAVEPOINT dbops_seed');
  let touched: States;
  let after: Contents;
  try {
    await work();
    await session.script(ours);
    touched = touchedSince(before, states.parse(await session.query(statesSql)));
    after = await contentsOf(session, touched, recentHashes(BigInt(start.next)));
  } catch (error) {
    await session.script(back).catch(() => {});
    throw error;
  }
  await session.script(back);
  return compare(session, touched, {
    after,
    start: new Map(before.map((each) => [each.oid, each.net])),
  });
}

function notCounted() {
  return usageError(
    'SEED.NOT_PROVABLE',
    'The server does not count changes (track_counts is off), so a seed file cannot be proven idempotent.',
    'Have a superuser run: ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()',
  );
}

function touchedSince(before: States, after: States): States {
  const known = new Map(before.map(({ oid, state }) => [oid, state]));
  return after.filter(({ oid, state }) => known.get(oid) !== state);
}

type Contents = ReadonlyMap<number, z.infer<typeof contents>[number]>;

/** Rows that were written since a transaction id, or far more than two thousand million ids ago. */
function recentHashes(next: bigint): (table: States[number]) => string {
  const epoch = 2n ** 32n;
  const written = `(t.xmin::text::int8 - ${next % epoch} + ${epoch}) % ${epoch} < ${epoch / 2n}`;
  return () => `jsonb_agg(${hash}) FILTER (WHERE ${written})`;
}

async function contentsOf(
  session: Session,
  tables: States,
  other: (table: States[number]) => string,
): Promise<Contents> {
  if (tables.length === 0) return new Map();
  const queries = tables.map(
    (table) =>
      `SELECT ${table.oid}::float8 AS oid, ${digest}, ${other(table)} AS other FROM ONLY ${quoteName(table)} t`,
  );
  const rows = contents.parse(await session.query(queries.join('\nUNION ALL ')));
  return new Map(rows.map((row) => [row.oid, row]));
}

/** The earlier state is read after the rollback; a table that `work` created is then missing. */
async function compare(
  session: Session,
  touched: States,
  { after, start }: { after: Contents; start: ReadonlyMap<number, number> },
): Promise<TableEffect[]> {
  const oids = new Set(states.parse(await session.query(statesSql)).map(({ oid }) => oid));
  const kept = touched.filter(({ oid }) => oids.has(oid));
  const before = await contentsOf(session, kept, (table) =>
    countMissing(table, hashesOf(after.get(table.oid)?.other)),
  );
  return touched.flatMap(({ oid, schema, name }) => {
    const effect = effectOn(before.get(oid), after.get(oid));
    const existing = Math.max(0, (before.get(oid)?.rows ?? 0) - (start.get(oid) ?? 0));
    return effect ? [{ table: `${schema}.${name}`, ...effect, existing }] : [];
  });
}

function hashesOf(other: unknown): string[] {
  return z.array(z.string()).parse(other ?? []);
}

/** SQL that counts those of the hashes, with repetitions, that no row of the table has. */
function countMissing(table: States[number], hashes: readonly string[]): string {
  const list = `jsonb_array_elements_text(${quoteLiteral(JSON.stringify(hashes))}::jsonb) AS value`;
  return `(SELECT to_jsonb(coalesce(sum(greatest(w.count - coalesce(h.count, 0), 0)), 0))
     FROM (SELECT value, count(*) FROM ${list} GROUP BY 1) w
     LEFT JOIN (SELECT ${hash} AS value, count(*) FROM ONLY ${quoteName(table)} t
                 WHERE ${hash} IN (SELECT value FROM ${list}) GROUP BY 1) h USING (value))`;
}

function effectOn(
  before: z.infer<typeof contents>[number] | undefined,
  after: z.infer<typeof contents>[number] | undefined,
): Omit<TableEffect, 'table' | 'existing'> | undefined {
  const [rowsBefore, rowsAfter] = [before?.rows ?? 0, after?.rows ?? 0];
  if (rowsBefore === rowsAfter && (before?.sum ?? '0') === (after?.sum ?? '0')) return undefined;
  const net = rowsAfter - rowsBefore;
  const fresh = Math.max(Number(before?.other ?? rowsAfter), net, 0);
  const gone = fresh - net;
  // Rows of the same content that repeat others, exchanged for each other: one of them has changed.
  if (fresh === 0 && gone === 0) return { added: 0, changed: 1, removed: 0 };
  const changed = Math.min(fresh, gone);
  return { added: fresh - changed, changed, removed: gone - changed };
}
