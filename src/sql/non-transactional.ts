import type { AlterTableCmd, Node, RangeVar } from 'libpg-query';

/** The name of an object in a statement. */
export interface ObjectName {
  /** Absent where `search_path` determines it. */
  schema?: string;
  name: string;
}

/**
 * The effect of a statement that runs outside a transaction and cannot be repeated, by which dbops
 * finds out whether it ran.
 */
export type Effect =
  | { kind: 'create-index'; table: ObjectName; name?: string }
  | { kind: 'drop-index'; index: ObjectName }
  | { kind: 'reindex'; scope: 'index' | 'table' | 'schema' | 'database'; object: ObjectName }
  | { kind: 'detach-partition'; parent: ObjectName; partition: ObjectName }
  | { kind: 'database' | 'tablespace' | 'subscription'; name: string };

/** Returns whether the server runs a statement only outside a transaction (PreventInTransactionBlock()). */
export function standsAlone(stmt: Node): boolean {
  if ('IndexStmt' in stmt) return stmt.IndexStmt.concurrent === true;
  if ('DropStmt' in stmt) return stmt.DropStmt.concurrent === true;
  if ('ReindexStmt' in stmt)
    return isConcurrent(stmt) || /SCHEMA|SYSTEM|DATABASE/.test(stmt.ReindexStmt.kind ?? '');
  if ('VacuumStmt' in stmt) return stmt.VacuumStmt.is_vacuumcmd === true;
  if ('DiscardStmt' in stmt) return stmt.DiscardStmt.target === 'DISCARD_ALL';
  if ('AlterDatabaseStmt' in stmt)
    return JSON.stringify(stmt.AlterDatabaseStmt.options ?? []).includes('"tablespace"');
  if ('ClusterStmt' in stmt) return stmt.ClusterStmt.relation === undefined;
  if ('AlterTableStmt' in stmt)
    return JSON.stringify(stmt.AlterTableStmt.cmds).includes('"concurrent":true');
  return [
    'AlterSystemStmt',
    'CreatedbStmt',
    'DropdbStmt',
    'CreateTableSpaceStmt',
    'DropTableSpaceStmt',
    'CreateSubscriptionStmt',
    'AlterSubscriptionStmt',
    'DropSubscriptionStmt',
  ].some((kind) => kind in stmt);
}

/**
 * Returns whether a statement outside a transaction blocks neither reads nor writes while it waits. Such
 * a statement waits for old snapshots by design, so that it needs no `lock_timeout`.
 */
export function letsPass(stmt: Node): boolean {
  if ('IndexStmt' in stmt || 'DropStmt' in stmt) return standsAlone(stmt);
  if ('ReindexStmt' in stmt) return isConcurrent(stmt);
  if ('VacuumStmt' in stmt) return stmt.VacuumStmt.is_vacuumcmd === true && !isFull(stmt);
  return 'AlterTableStmt' in stmt && standsAlone(stmt);
}

/** Returns whether a statement is `VACUUM FULL` or `VACUUM (FULL)`; not `VACUUM (FULL false)`. */
function isFull({ VacuumStmt }: Extract<Node, { VacuumStmt: unknown }>): boolean {
  const options = (VacuumStmt.options ?? []).map((option) => JSON.stringify(option));
  return options.some((option) => /"defname":"full"/.test(option) && !isOff.test(option));
}

const isOff = /"sval":"(?:false|off|no)"|"boolval":false|"Integer":\{(?:"ival":0)?\}/i;

/** Returns the effect of a statement; undefined for one that can be repeated, such as VACUUM. */
export function effectOf(stmt: Node): Effect | undefined {
  if (!standsAlone(stmt)) return undefined;
  if ('IndexStmt' in stmt) {
    const { idxname: name, relation } = stmt.IndexStmt;
    return { kind: 'create-index', table: nameOf(relation), ...(name && { name }) };
  }
  if ('DropStmt' in stmt) return dropIndex(stmt);
  if ('ReindexStmt' in stmt) return isConcurrent(stmt) ? reindex(stmt) : undefined;
  if ('AlterTableStmt' in stmt) return detachPartition(stmt);
  const database =
    ('CreatedbStmt' in stmt && stmt.CreatedbStmt.dbname) ||
    ('DropdbStmt' in stmt && stmt.DropdbStmt.dbname);
  if (database) return { kind: 'database', name: database };
  const tablespace =
    ('CreateTableSpaceStmt' in stmt && stmt.CreateTableSpaceStmt.tablespacename) ||
    ('DropTableSpaceStmt' in stmt && stmt.DropTableSpaceStmt.tablespacename);
  if (tablespace) return { kind: 'tablespace', name: tablespace };
  const subscription =
    ('CreateSubscriptionStmt' in stmt && stmt.CreateSubscriptionStmt.subname) ||
    ('AlterSubscriptionStmt' in stmt && stmt.AlterSubscriptionStmt.subname) ||
    ('DropSubscriptionStmt' in stmt && stmt.DropSubscriptionStmt.subname);
  return subscription ? { kind: 'subscription', name: subscription } : undefined;
}

function dropIndex({ DropStmt }: Extract<Node, { DropStmt: unknown }>): Effect | undefined {
  const [object] = DropStmt.objects ?? [];
  if (!object || !('List' in object)) return undefined;
  const names = (object.List.items ?? []).flatMap((item) =>
    'String' in item ? (item.String.sval ?? []) : [],
  );
  const [name = '', schema] = names.toReversed();
  return { kind: 'drop-index', index: { name, ...(schema && { schema }) } };
}

const reindexScopes = {
  REINDEX_OBJECT_INDEX: 'index',
  REINDEX_OBJECT_TABLE: 'table',
  REINDEX_OBJECT_SCHEMA: 'schema',
  REINDEX_OBJECT_SYSTEM: 'database',
  REINDEX_OBJECT_DATABASE: 'database',
} as const;

function reindex({ ReindexStmt }: Extract<Node, { ReindexStmt: unknown }>): Effect | undefined {
  const { kind, relation, name = '' } = ReindexStmt;
  if (!kind) return undefined;
  return {
    kind: 'reindex',
    scope: reindexScopes[kind],
    object: relation ? nameOf(relation) : { name },
  };
}

function isConcurrent({ ReindexStmt }: Extract<Node, { ReindexStmt: unknown }>): boolean {
  return JSON.stringify(ReindexStmt.params ?? []).includes('"concurrently"');
}

function detachPartition(stmt: Extract<Node, { AlterTableStmt: unknown }>): Effect | undefined {
  for (const { def } of commandsOf(stmt))
    if (def && 'PartitionCmd' in def)
      return {
        kind: 'detach-partition',
        parent: nameOf(stmt.AlterTableStmt.relation),
        partition: nameOf(def.PartitionCmd.name),
      };
  return undefined;
}

/** Returns the commands of an ALTER TABLE, as the parser has them; none of another statement. */
export function commandsOf(stmt: Node | undefined): AlterTableCmd[] {
  const nodes = stmt && 'AlterTableStmt' in stmt ? (stmt.AlterTableStmt.cmds ?? []) : [];
  return nodes.flatMap((node) => ('AlterTableCmd' in node ? [node.AlterTableCmd] : []));
}

/** Returns the name of a relation in a parse tree; it is empty where the statement has none. */
export function nameOf(relation: RangeVar | undefined): ObjectName {
  const { relname: name = '', schemaname: schema } = relation ?? {};
  return { name, ...(schema && { schema }) };
}

/** Returns the parts of a qualified name in a parse tree, the schema first. */
export function pathOf(node: Node): string[] {
  if ('List' in node) return (node.List.items ?? []).flatMap(pathOf);
  return 'String' in node ? [node.String.sval ?? ''] : [];
}

/** Returns the name that these parts are. */
export function nameFrom(path: readonly string[]): ObjectName {
  const [name = '', schema] = path.toReversed();
  return { name, ...(schema && { schema }) };
}
