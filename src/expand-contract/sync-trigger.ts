import { hash } from 'node:crypto';
import { ownPath } from '../db/search-path.ts';
import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import { clipped, longestName } from '../sql/name-length.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import type { Conversion } from './conversion.ts';

/** Two columns of a table of which each follows the other. */
export interface SyncedColumns {
  table: ObjectName;
  old: string;
  to: string;
  conversion: Pick<Conversion, 'forth' | 'back' | 'mayFail'>;
}

/**
 * Returns SQL of a trigger that keeps two columns alike, and of its function.
 *
 * A statement that writes the new column wins: the new column has no default, so a value in it was written.
 * Values are compared by bytes, because not every type has an equality operator and equal values may have
 * different texts. A value that cannot be converted must not fail the statement of an application that does
 * not know of the new column: it becomes NULL, which the contract reports. Its name sorts behind those of
 * backfill triggers, because triggers fire in the order of their names.
 */
export function syncTrigger(columns: SyncedColumns): string[] {
  const { table, to, conversion } = columns;
  const { name, routine } = syncNames(columns);
  const old = q(columns.old);
  const next = q(to);
  const forth = valueOf(conversion.forth, columns.old);
  const back = valueOf(conversion.back, to);
  const convert = `dbops_row.${next} := ${forth};`;
  const guarded = `BEGIN
    ${convert}
  EXCEPTION WHEN OTHERS THEN
    dbops_row.${next} := NULL;
  END;`;
  const create = `CREATE FUNCTION ${quoteName(routine)}() RETURNS trigger LANGUAGE plpgsql SET search_path = ${ownPath} AS $dbops_sync$
#variable_conflict use_column
DECLARE
  dbops_row record := NEW;
  dbops_written boolean := NEW.${next} IS NOT NULL;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF ROW(OLD.${old}, OLD.${next})::record *= ROW(NEW.${old}, NEW.${next})::record THEN RETURN NEW; END IF;
    dbops_written := ROW(OLD.${next})::record *<> ROW(NEW.${next})::record;
  END IF;
  ${conversion.mayFail ? guarded : convert}
  IF dbops_written AND ROW(NEW.${next})::record *<> ROW(dbops_row.${next})::record THEN
    NEW.${old} := ${back};
  ELSE
    NEW.${next} := dbops_row.${next};
  END IF;
  RETURN NEW;
END $dbops_sync$`;
  return [
    create,
    `CREATE TRIGGER ${q(name)} BEFORE INSERT OR UPDATE ON ${quoteName(table)} FOR EACH ROW EXECUTE FUNCTION ${quoteName(routine)}()`,
  ];
}

/** Returns an expression of one column as SQL of a trigger function. */
function valueOf(sql: string, column: string): string {
  const name = q(column);
  const isColumn = sql === name || sql === column;
  return isColumn
    ? `NEW.${name}`
    : `(SELECT ${sql} FROM (SELECT NEW.${name} AS ${name}) AS dbops_row_of)`;
}

/** Returns SQL that drops the trigger and its function. */
export function dropSyncTrigger(columns: Pick<SyncedColumns, 'table' | 'old' | 'to'>): string[] {
  const { name, routine } = syncNames(columns);
  return [
    `DROP TRIGGER ${q(name)} ON ${quoteName(columns.table)}`,
    `DROP FUNCTION ${quoteName(routine)}()`,
  ];
}

/** The function is in the schema that the migration names, or in the first of the search path. */
function syncNames({ table, old, to }: Pick<SyncedColumns, 'table' | 'old' | 'to'>) {
  const digest = hash('sha256', JSON.stringify([table.name, old, to])).slice(0, 8);
  return {
    name: named(`zzz_dbops_sync_${old}`, digest),
    routine: { ...table, name: `${clipped(`dbops_sync_${table.name}_${old}`, 54)}_${digest}` },
  };
}

/** Returns a name in 63 bytes, which differs for another column in any case. */
function named(name: string, digest: string): string {
  if (Buffer.byteLength(name) <= longestName) return name;
  return `${clipped(name, 54)}_${digest}`;
}

/** Returns a name that is free: `orders_total_key_new`, in 63 bytes. */
export function temporaryName(name: string, taken: Set<string>): string {
  for (let at = 1; ; at += 1) {
    const end = at === 1 ? '_new' : `_new${at}`;
    const candidate = `${clipped(name, longestName - end.length)}${end}`;
    if (taken.has(candidate)) continue;
    taken.add(candidate);
    return candidate;
  }
}
