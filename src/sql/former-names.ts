import type { Node } from 'libpg-query';
import { nameOf, type ObjectName } from './non-transactional.ts';

/** Returns the names that objects had before a script, at the statement that was read last. */
export interface FormerNames {
  /** Reads the next statement of the script. */
  read(stmt: Node): void;
  /** Returns undefined where the script created the table under a name that it made free. */
  table(now: ObjectName): ObjectName | undefined;
  column(table: ObjectName, now: string): string;
  schema(now: string): string;
}

interface Renamed<Name> {
  now: Name;
  /** Absent where the name was made free. */
  before?: Name;
}

/**
 * Returns the names before a script, of which `read` gets every statement in order: what a script
 * destroys after a rename is read before the script, where the object still has its former name.
 */
export function formerNames(): FormerNames {
  let tables: Renamed<ObjectName>[] = [];
  let schemas: Renamed<string>[] = [];
  const columns = new Map<string, string>();

  const schema = (now: string) => schemas.find((renamed) => renamed.now === now)?.before ?? now;
  const table = (now: ObjectName): ObjectName | undefined => {
    const renamed = tables.find((one) => isSame(one.now, now));
    if (renamed) return renamed.before;
    return now.schema === undefined ? now : { ...now, schema: schema(now.schema) };
  };
  const column = (of: ObjectName, now: string) => columns.get(columnKey(table(of), now)) ?? now;

  const renameTable = (from: ObjectName, to: ObjectName) => {
    const before = table(from);
    tables = tables.filter(({ now }) => !isSame(now, from) && !isSame(now, to));
    tables.push({ now: to, ...(before && { before }) }, { now: from });
  };
  const renameColumn = (of: ObjectName, from: string, to: string) => {
    const before = column(of, from);
    columns.delete(columnKey(table(of), from));
    columns.set(columnKey(table(of), to), before);
  };
  const renameSchema = (from: string, to: string) => {
    const before = schema(from);
    schemas = [...schemas.filter(({ now }) => now !== from), { now: to, before }];
    tables = tables.map((one) =>
      one.now.schema === from ? { ...one, now: { ...one.now, schema: to } } : one,
    );
  };
  const read = (stmt: Node) => {
    if ('AlterObjectSchemaStmt' in stmt) {
      const { relation, newschema: to } = stmt.AlterObjectSchemaStmt;
      const from = relation && nameOf(relation);
      if (from && to !== undefined) renameTable(from, { ...from, schema: to });
    }
    if (!('RenameStmt' in stmt)) return;
    const { renameType, relation, subname = '', newname: to = '' } = stmt.RenameStmt;
    const of = relation && nameOf(relation);
    if (renameType === 'OBJECT_SCHEMA') renameSchema(subname, to);
    if (of && renameType === 'OBJECT_TABLE') renameTable(of, { ...of, name: to });
    if (of && renameType === 'OBJECT_COLUMN') renameColumn(of, subname, to);
  };
  return { read, table, column, schema };
}

/** A name without a schema is found by search_path, mostly where the qualified one is. */
function isSame(one: ObjectName, other: ObjectName): boolean {
  const isInOne = one.schema === undefined || other.schema === undefined;
  return one.name === other.name && (isInOne || one.schema === other.schema);
}

function columnKey(table: ObjectName | undefined, column: string): string {
  return JSON.stringify([table?.name, column]);
}
