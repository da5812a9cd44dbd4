import type { ColumnDef, Constraint, Node } from 'libpg-query';
import { columnsIn } from './expression.ts';
import { nameOf, type ObjectName } from './non-transactional.ts';
import {
  textOf,
  withoutComments,
  withoutLeadingComments,
  type StatementText as Text,
} from './statement-text.ts';
import { parse, splitStatements } from './statements.ts';

/** One statement of a file; an `ALTER TABLE` is split into one statement per command. */
export type Piece =
  | { kind: 'add-column'; sql: string; table: ObjectName; column: AddedColumn }
  | { kind: 'set-not-null'; sql: string; table: ObjectName; column: string }
  | { kind: 'add-constraint'; sql: string; table: ObjectName; constraint: TableConstraint }
  | { kind: 'create-index'; sql: string; table: ObjectName; index: NewIndex }
  | { kind: 'create-table'; sql: string; table: ObjectName }
  | { kind: 'drop-constraint'; sql: string; table: ObjectName; name: string; isCascade: boolean }
  | { kind: 'alter-type'; sql: string; table: ObjectName; column: string; change: TypeChange }
  | { kind: 'rename-column'; sql: string; table: ObjectName; column: string; to: string }
  | { kind: 'alter-default'; sql: string; table: ObjectName; column: string; default?: string }
  | { kind: 'drop-index' | 'drop-not-null'; sql: string; name: string }
  | { kind: 'other'; sql: string };

/** The new type of a column, as SQL. */
export interface TypeChange {
  type: string;
  collate?: string;
  using?: string;
}

export interface AddedColumn {
  name: string;
  /** SQL of the type and everything else before the first constraint. */
  type: string;
  isNotNull: boolean;
  /** SQL of its default, if any, and the functions that it calls. */
  default?: { sql: string; functions: string[] };
  /** Generated, an identity or a primary key, which a backfill cannot fill. */
  isFilled: boolean;
  constraints: TableConstraint[];
}

/** A constraint in the form of a table constraint, even if it was written with a column. */
export interface TableConstraint {
  kind: 'check' | 'unique' | 'primary' | 'foreign-key' | 'not-null' | 'other';
  name?: string;
  columns: string[];
  /** Without its name, such as `UNIQUE (a, b)`. */
  sql: string;
  /** Of a check: SQL. */
  expression?: string;
  /** Of a foreign key. */
  references?: ObjectName;
  /** NOT VALID or USING INDEX, which do not scan the table. */
  isOnline: boolean;
}

export interface NewIndex {
  name?: string;
  isUnique: boolean;
  isConcurrent: boolean;
  /** The same statement with CONCURRENTLY. */
  concurrently: string;
}

/** Splits a file into statements and commands. @throws SqlSyntaxError */
export async function piecesOf(source: string): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const { sql } of await splitStatements(source)) {
    const trimmed = withoutLeadingComments(sql);
    if (trimmed !== '') pieces.push(...(await cut(trimmed)));
  }
  return pieces;
}

async function cut(sql: string): Promise<Piece[]> {
  const [{ stmt } = {}] = await parse(sql);
  if (!stmt) return [{ kind: 'other', sql }];
  if ('CreateStmt' in stmt)
    return [{ kind: 'create-table', sql, table: nameOf(stmt.CreateStmt.relation) }];
  // A comment at the end of a command would hide what is added behind it, such as NOT VALID.
  const bare = await withoutComments(sql);
  if (bare !== sql) return cut(bare);
  if ('IndexStmt' in stmt) return [await indexPiece(stmt, sql)];
  if ('DropStmt' in stmt && stmt.DropStmt.removeType === 'OBJECT_INDEX')
    return [{ kind: 'drop-index', sql, name: droppedName(stmt.DropStmt.objects) }];
  const renamed = 'RenameStmt' in stmt && renamedColumn(stmt, sql);
  if (renamed) return [renamed];
  if (!('AlterTableStmt' in stmt) || stmt.AlterTableStmt.objtype !== 'OBJECT_TABLE')
    return [{ kind: 'other', sql }];
  const { relation, cmds = [] } = stmt.AlterTableStmt;
  const text = await textOf(sql);
  const { prefix, commands } = text.commands();
  const table = nameOf(relation);
  return cmds.flatMap((node, at) => {
    const command = commands[at];
    if (!command || !('AlterTableCmd' in node)) return [];
    return [commandPiece(node, table, { prefix, ...command, text })];
  });
}

interface CommandText {
  /** `ALTER TABLE x` */
  prefix: string;
  /** Bytes of the statement. */
  start: number;
  end: number;
  text: Text;
}

function commandPiece(
  { AlterTableCmd: cmd }: Extract<Node, { AlterTableCmd: unknown }>,
  table: ObjectName,
  place: CommandText,
): Piece {
  const { prefix, start, end, text } = place;
  const sql = `${prefix} ${text.slice(start, end)}`;
  const { subtype, name = '', def } = cmd;
  if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def && !cmd.missing_ok)
    return { kind: 'add-column', sql, table, column: columnOf(def.ColumnDef, place) };
  if (subtype === 'AT_SetNotNull') return { kind: 'set-not-null', sql, table, column: name };
  if (subtype === 'AT_DropNotNull') return { kind: 'drop-not-null', sql, name };
  if (subtype === 'AT_DropConstraint')
    return {
      kind: 'drop-constraint',
      sql,
      table,
      name,
      isCascade: cmd.behavior === 'DROP_CASCADE',
    };
  if (subtype === 'AT_AlterColumnType' && def && 'ColumnDef' in def)
    return {
      kind: 'alter-type',
      sql,
      table,
      column: name,
      change: typeChange(def.ColumnDef, place),
    };
  if (subtype === 'AT_ColumnDefault') {
    const to = text.find('default', start, end)?.end;
    return {
      kind: 'alter-default',
      sql,
      table,
      column: name,
      ...(def && to !== undefined && { default: text.slice(to, end) }),
    };
  }
  if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def) {
    const from = def.Constraint.location ?? start;
    const constraint = constraintOf(def.Constraint, text.slice(from, end), text);
    return { kind: 'add-constraint', sql, table, constraint };
  }
  return { kind: 'other', sql };
}

function typeChange({ typeName }: ColumnDef, { start, end, text }: CommandText): TypeChange {
  const from = typeName?.location ?? start;
  const using = text.find('using', from, end);
  const collate = text.find('collate', from, using?.start ?? end);
  return {
    type: text.slice(from, collate?.start ?? using?.start ?? end),
    ...(collate && { collate: text.slice(collate.end, using?.start ?? end) }),
    ...(using && { using: text.slice(using.end, end) }),
  };
}

function renamedColumn(
  {
    RenameStmt: { renameType, relationType, relation, subname, newname },
  }: Extract<Node, { RenameStmt: unknown }>,
  sql: string,
): Piece | undefined {
  if (renameType !== 'OBJECT_COLUMN' || relationType !== 'OBJECT_TABLE') return undefined;
  if (!relation || !subname || !newname) return undefined;
  return { kind: 'rename-column', sql, table: nameOf(relation), column: subname, to: newname };
}

function columnOf(
  { colname = '', constraints = [] }: ColumnDef,
  { start, end, text }: CommandText,
) {
  const parts = constraints.flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const starts = parts.map(({ location }) => location ?? end);
  // DEFERRABLE and similar attributes belong to the preceding constraint.
  const isAttribute = (part?: Constraint) => part?.contype?.startsWith('CONSTR_ATTR') === true;
  const slices = parts.flatMap((part, at) => {
    let next = at + 1;
    while (isAttribute(parts[next])) next += 1;
    const sql = text.slice(starts[at] ?? end, starts[next] ?? end);
    return isAttribute(part) ? [] : [{ part, sql }];
  });
  const has = (...types: string[]) => parts.some(({ contype }) => types.includes(contype ?? ''));
  const fallback = slices.find(({ part }) => part.contype === 'CONSTR_DEFAULT');
  const head = text.slice(text.afterName(start), starts[0] ?? end);
  const column: AddedColumn = {
    name: colname,
    type: head,
    isNotNull: has('CONSTR_NOTNULL'),
    isFilled:
      has('CONSTR_GENERATED', 'CONSTR_IDENTITY', 'CONSTR_PRIMARY') || /serial\b/i.test(head),
    constraints: slices.flatMap(({ part, sql }) => inlineConstraint(part, colname, sql, text)),
  };
  if (!fallback) return column;
  const functions = JSON.stringify(fallback.part.raw_expr).matchAll(
    /"funcname":\[(?:[^\]]*,)?\{"String":\{"sval":"([^"]+)"\}\}\]/g,
  );
  return {
    ...column,
    default: {
      sql: fallback.sql.replace(/^(?:constraint\s+\S+\s+)?default\s+/i, ''),
      functions: [...functions].map(([, name = '']) => name),
    },
  };
}

/** Returns a column constraint as a table constraint. */
function inlineConstraint(part: Constraint, column: string, sql: string, text: Text) {
  const bare = sql.replace(/^constraint\s+("[^"]+"|\S+)\s+/i, '').trim();
  const of = { ...part, keys: [stringNode(column)], fk_attrs: [stringNode(column)] };
  const quoted = `"${column.replaceAll('"', '""')}"`;
  const spellings: Record<string, string> = {
    CONSTR_FOREIGN: `FOREIGN KEY (${quoted}) ${bare}`,
    CONSTR_UNIQUE: bare.replace(
      /^unique(\s+nulls\s+(?:not\s+)?distinct)?/i,
      `UNIQUE$1 (${quoted})`,
    ),
    CONSTR_CHECK: bare,
  };
  const written = spellings[part.contype ?? ''];
  return written === undefined ? [] : [constraintOf(of, written, text, [column])];
}

const kinds: Record<string, TableConstraint['kind']> = {
  CONSTR_CHECK: 'check',
  CONSTR_UNIQUE: 'unique',
  CONSTR_PRIMARY: 'primary',
  CONSTR_FOREIGN: 'foreign-key',
  CONSTR_NOTNULL: 'not-null',
};

function constraintOf(
  part: Constraint,
  written: string,
  text: Text,
  ofColumn?: string[],
): TableConstraint {
  const { contype, conname: name, keys, fk_attrs: from, pktable } = part;
  const sql = written.replace(/^constraint\s+("(?:[^"]|"")+"|\S+)\s+/i, '').trim();
  const kind = kinds[contype ?? ''] ?? 'other';
  const columns = ofColumn ?? stringsOf(kind === 'foreign-key' ? from : keys);
  return {
    kind,
    columns: kind === 'check' ? columnsIn(part.raw_expr) : columns,
    sql,
    isOnline: part.skip_validation === true || part.indexname !== undefined,
    ...(name && { name }),
    ...(kind === 'check' && { expression: text.inParentheses(sql) }),
    ...(pktable && { references: nameOf(pktable) }),
  };
}

async function indexPiece(
  { IndexStmt }: Extract<Node, { IndexStmt: unknown }>,
  sql: string,
): Promise<Piece> {
  const text = await textOf(sql);
  const { unique, concurrent, idxname: name, relation } = IndexStmt;
  return {
    kind: 'create-index',
    sql,
    table: nameOf(relation),
    index: {
      ...(name && { name }),
      isUnique: unique === true,
      isConcurrent: concurrent === true,
      concurrently: concurrent ? sql : text.insertAfter('index', ' CONCURRENTLY'),
    },
  };
}

function droppedName(objects: readonly Node[] = []): string {
  const [object] = objects;
  return object && 'List' in object ? (stringsOf(object.List.items).at(-1) ?? '') : '';
}

function stringNode(sval: string): Node {
  return { String: { sval } };
}

function stringsOf(nodes: readonly Node[] = []): string[] {
  return nodes.flatMap((node) => ('String' in node ? (node.String.sval ?? []) : []));
}
