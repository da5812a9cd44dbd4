import type { Scope } from '../catalog/ignored.ts';
import { expectedOf, type Surroundings } from '../catalog/scope.ts';
import { surroundingsOf } from '../shadow/surroundings.ts';
import { fullSnapshot, fixedSettings, readWithFixedSettings } from '../catalog/snapshot.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { readOnly, type Session } from '../db/session.ts';
import type { Folder, RowColumns, RowForm } from '../formats/format.ts';
import type { TrackedRow } from './rows.ts';
import { exact } from './undo-record.ts';

/** What a repair rests on, read from the live database. */
export interface Live {
  /** The application's objects. */
  objects: readonly SchemaObject[];
  /** Of the tracking table; nothing where there is none. */
  rows: readonly TrackedRow[] | undefined;
  surroundings: Surroundings;
}

/**
 * @param scope what the configuration leaves out
 * @param inTransaction the caller's, whose settings are changed
 */
export async function readLive(
  session: Session,
  folder: Folder,
  { scope, inTransaction = false }: { scope: Scope; inTransaction?: boolean },
): Promise<Live> {
  const within = <T>(work: () => Promise<T>) => (inTransaction ? work() : readOnly(session, work));
  // A time has another text under another TimeZone, and both readings are compared.
  const rows = await within(() =>
    session.script(exact).then(() => readRows(session, folder.tracking.rows)),
  );
  const look = async () => {
    const all = await fullSnapshot(session);
    return { all, surroundings: await surroundingsOf(session, folder, { objects: all, scope }) };
  };
  const { all, surroundings } = await (inTransaction
    ? session.script(fixedSettings).then(look)
    : readWithFixedSettings(session, look));
  return { objects: expectedOf(all, surroundings), rows, surroundings };
}

/** Every row of a tracking table, in the order in which it lies there; nothing without a table. */
export async function readRows(
  session: Session,
  { table }: RowForm,
): Promise<readonly TrackedRow[] | undefined> {
  const [found] = await session.query<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', [
    table,
  ]);
  if (!found?.is) return undefined;
  return session.query<{ place: string; columns: RowColumns }>(
    `SELECT t.ctid::text AS place, to_jsonb(t) AS columns FROM ${table} t ORDER BY t.ctid`,
  );
}

/** Two readings of one database that are alike are of the same state. */
export function isSame(one: Live, other: Live): boolean {
  return textOf(one) === textOf(other);
}

/** Objects come in no order. */
function textOf({ objects, rows }: Live): string {
  const lines = objects.map((object) => JSON.stringify(object)).toSorted();
  return JSON.stringify([lines, rows]);
}
