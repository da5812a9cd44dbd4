import type { Node, RangeVar } from 'libpg-query';
import { nameOf, type ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

/** A privilege on a table; `OWNER` is membership in its owner. */
export type TablePrivilege =
  'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE' | 'REFERENCES' | 'TRIGGER' | 'OWNER';

/** What a statement needs on an object that its text names. */
export type RequiredPrivilege =
  | { kind: 'table'; table: ObjectName; privilege: TablePrivilege }
  /** CREATE on a schema; absent where `search_path` determines it. */
  | { kind: 'schema'; schema?: string };

/** Privileges on the relation that a statement writes or changes (server manual, "Privileges"). */
const onTarget: Readonly<Record<string, readonly TablePrivilege[]>> = {
  InsertStmt: ['INSERT'],
  UpdateStmt: ['UPDATE'],
  DeleteStmt: ['DELETE'],
  MergeStmt: ['INSERT', 'UPDATE', 'DELETE'],
  CreateTrigStmt: ['TRIGGER'],
  IndexStmt: ['OWNER'],
  AlterTableStmt: ['OWNER'],
  RenameStmt: ['OWNER'],
  CreatePolicyStmt: ['OWNER'],
};

/**
 * Returns the privileges that statements need by their text. Functions, views and triggers may need
 * more. None for text that the grammar rejects.
 */
export async function requiredPrivileges(sql: string): Promise<RequiredPrivilege[]> {
  const parsed = await parse(sql).catch(() => []);
  return parsed.flatMap(({ stmt }) => (stmt ? ofNode(stmt) : []));
}

function ofNode(node: unknown): RequiredPrivilege[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([kind, child]: [string, unknown]) => ofChild(kind, child));
}

type Fields = Partial<Record<'relation' | 'pktable' | 'view', RangeVar>> & {
  relations?: Node[];
  relpersistence?: string;
  into?: { rel?: RangeVar };
};

function ofChild(kind: string, child: unknown): RequiredPrivilege[] {
  const { relation, ...rest } = (child ?? {}) as Fields & object;
  const privileges = onTarget[kind];
  if (privileges && relation)
    return [...privileges.flatMap((privilege) => on(relation, privilege)), ...ofNode(rest)];
  if (kind === 'RangeVar') return on(child as RangeVar, 'SELECT');
  if (kind === 'TruncateStmt' || kind === 'LockStmt')
    return ((child as Fields).relations ?? []).flatMap((each) =>
      'RangeVar' in each ? on(each.RangeVar, kind === 'LockStmt' ? 'UPDATE' : 'TRUNCATE') : [],
    );
  if (kind === 'CreateStmt' && relation) return [inSchema(relation), ...ofNode(rest)];
  if (kind === 'Constraint') {
    const { pktable, ...more } = rest;
    return [...(pktable ? on(pktable, 'REFERENCES') : []), ...ofNode(more)];
  }
  if (kind === 'ViewStmt') {
    const { view, ...more } = rest;
    return [...(view ? [inSchema(view)] : []), ...ofNode(more)];
  }
  if (kind === 'CreateTableAsStmt') {
    const { into, ...more } = rest;
    return [...(into?.rel ? [inSchema(into.rel)] : []), ...ofNode(more)];
  }
  return Array.isArray(child) ? child.flatMap(ofNode) : ofNode(child);
}

function on(relation: RangeVar, privilege: TablePrivilege): RequiredPrivilege[] {
  return [{ kind: 'table', table: nameOf(relation), privilege }];
}

function inSchema({ schemaname: schema, relpersistence }: RangeVar): RequiredPrivilege {
  const isTemporary = relpersistence === 't';
  return {
    kind: 'schema',
    ...(isTemporary ? { schema: 'pg_temp' } : schema !== undefined && { schema }),
  };
}
