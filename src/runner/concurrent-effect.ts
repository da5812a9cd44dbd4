import { quoteLiteral, quoteName } from '../db/quote.ts';
import { schemaSql } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { Effect, ObjectName } from '../sql/non-transactional.ts';

/** The part of the catalog that a statement changes, as text; `null` where there is none. */
export async function stateOf(session: Session, effect: Effect): Promise<string | null> {
  const probe = probeOf(effect);
  if (!probe) return null;
  const [row] = await session.query<{ state: string | null }>(`SELECT (${probe})::text AS state`);
  return row?.state ?? null;
}

/**
 * The effect with the schemas that its names have under the path of the session, which is the role's:
 * a name that means nothing there stays as it is.
 */
export async function locate(session: Session, effect: Effect): Promise<Effect> {
  const placed = (name: ObjectName) => placeOf(session, name);
  switch (effect.kind) {
    case 'create-index':
      return { ...effect, table: await placed(effect.table) };
    case 'drop-index':
      return { ...effect, index: await placed(effect.index) };
    case 'detach-partition':
      return {
        ...effect,
        parent: await placed(effect.parent),
        partition: await placed(effect.partition),
      };
    case 'reindex':
      return effect.scope === 'table' || effect.scope === 'index'
        ? { ...effect, object: await placed(effect.object) }
        : effect;
    default:
      return effect;
  }
}

async function placeOf(session: Session, name: ObjectName): Promise<ObjectName> {
  if (name.schema !== undefined) return name;
  const { rows } = await session.client.query<{ schema: string }>(schemaSql(name.name));
  return { ...name, ...rows[0] };
}

/**
 * Returns whether the statement took effect since the catalog was `before`, when its end is
 * unknown.
 */
export function hasHappened(effect: Effect, before: string | null, now: string | null): boolean {
  if (effect.kind !== 'create-index') return before !== now;
  const known = entriesOf(before);
  return entriesOf(now).some((entry) => entry.endsWith(' valid') && !known.includes(entry));
}

const entriesOf = (state: string | null) => state?.split(',') ?? [];

/** Nothing for a statement that may be run again. */
function probeOf(effect: Effect): string | undefined {
  if (effect.kind === 'create-index')
    return `SELECT string_agg(i.indexrelid::oid || CASE WHEN i.indisvalid THEN ' valid' ELSE ' invalid' END, ',')
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE ${isIndexOf(effect)}`;
  if (effect.kind === 'drop-index') return `${oidOf(effect.index)}::oid`;
  if (effect.kind === 'detach-partition')
    return `SELECT 'attached' FROM pg_inherits WHERE ${isPartitionOf(effect)}`;
  if (effect.kind === 'reindex') return undefined;
  const name = quoteLiteral(effect.name);
  if (effect.kind === 'database') return `SELECT oid FROM pg_database WHERE datname = ${name}`;
  if (effect.kind === 'tablespace') return `SELECT oid FROM pg_tablespace WHERE spcname = ${name}`;
  return `SELECT row(oid, subenabled, subslotname, subpublications) FROM pg_subscription
     WHERE subname = ${name} AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;
}

/** An invalid index, left by a CONCURRENTLY that did not end. */
export interface Leftover {
  /** Quoted, with its schema. */
  index: string;
  /** The process that is building it at this moment. */
  builder: number | null;
}

/**
 * What blocks the statement, or remains of an attempt.
 *
 * @param before the state when the attempt began; absent before the first
 */
export async function leftoversOf(
  session: Session,
  effect: Effect,
  before?: string | null,
): Promise<Leftover[]> {
  const condition = isLeftover(effect, before);
  if (!condition) return [];
  return session.query<Leftover & Record<string, unknown>>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS index,
            (SELECT p.pid FROM pg_stat_progress_create_index p
              WHERE p.index_relid = c.oid AND p.datname = current_database() LIMIT 1) AS builder
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE NOT i.indisvalid AND c.relkind = 'i' AND ${condition}`,
  );
}

function isLeftover(effect: Effect, before: string | null | undefined): string | undefined {
  const isRetry = before !== undefined;
  if (effect.kind === 'create-index') {
    if (effect.name !== undefined) return isIndexOf(effect);
    // The server chose the name: ours is what was not there before.
    const known = entriesOf(before ?? null).map((entry) => Number.parseInt(entry, 10));
    return isRetry
      ? `${isIndexOf(effect)} AND i.indexrelid <> ALL ('{${known.join(',')}}'::oid[])`
      : undefined;
  }
  if (effect.kind !== 'reindex' || !isRetry) return undefined;
  return `c.relname ~ '_cc(new|old)[0-9]*$' AND ${isReindexed(effect)}`;
}

type Of<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

function isIndexOf({ table, name }: Of<'create-index'>): string {
  const isNamed = name === undefined ? 'true' : `c.relname = ${quoteLiteral(name)}`;
  return `i.indrelid = ${oidOf(table)} AND ${isNamed}`;
}

function isPartitionOf({ parent, partition }: Of<'detach-partition'>): string {
  return `inhparent = ${oidOf(parent)} AND inhrelid = ${oidOf(partition)}`;
}

/** A table is reindexed together with its TOAST table. */
function isReindexed({ scope, object }: Of<'reindex'>): string {
  if (scope === 'database') return 'true';
  if (scope === 'schema')
    return `c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${quoteLiteral(object.name)})`;
  const table =
    scope === 'table'
      ? oidOf(object)
      : `(SELECT indrelid FROM pg_index WHERE indexrelid = ${oidOf(object)})`;
  return `i.indrelid IN (${table}, (SELECT reltoastrelid FROM pg_class WHERE oid = ${table}))`;
}

/** Whether `DETACH PARTITION … CONCURRENTLY` came half-way; it can only be finished then. */
export async function finishOf(session: Session, effect: Effect): Promise<string | undefined> {
  if (effect.kind !== 'detach-partition') return undefined;
  const rows = await session.query(
    `SELECT FROM pg_inherits WHERE inhdetachpending AND ${isPartitionOf(effect)}`,
  );
  return rows.length === 0
    ? undefined
    : `ALTER TABLE ${quoteName(effect.parent)} DETACH PARTITION ${quoteName(effect.partition)} FINALIZE`;
}

function oidOf(name: ObjectName): string {
  return `to_regclass(${quoteLiteral(quoteName(name))})`;
}
