import type { Node, RangeVar } from 'libpg-query';
import { nameOf, type ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

/** An INSERT, as far as its text says which rows it writes. */
export interface Insert {
  table: ObjectName;
  /** Absent: the columns of the table, in their order. */
  columns?: string[];
  /** The constants of each row as text, `undefined` for any other value; absent: they come from a query. */
  rows?: (string | undefined)[][];
  /** `ON CONFLICT`: a row that exists does not make it fail. */
  isRepeatable: boolean;
}

/** What a statement does to rows, or that it creates what must not exist. */
export type RowChange =
  | { kind: 'insert'; insert: Insert }
  /** A relation, or one of its columns. */
  | { kind: 'create'; table: ObjectName; column?: string }
  /** Without a table: rows that the text does not name. */
  | { kind: 'other'; table?: ObjectName };

/** Returns what the statements of a file do to rows, in order; SQL that the grammar rejects does anything. */
export async function rowChangesOf(sql: string): Promise<RowChange[]> {
  try {
    return (await parse(sql)).flatMap(({ stmt }) => (stmt ? changesIn(stmt) : []));
  } catch {
    return [{ kind: 'other' }];
  }
}

function changesIn(stmt: Node): RowChange[] {
  if ('InsertStmt' in stmt) return [{ kind: 'insert', insert: insertOf(stmt) }];
  if ('CopyStmt' in stmt && stmt.CopyStmt.is_from && stmt.CopyStmt.relation)
    return [
      { kind: 'insert', insert: { table: nameOf(stmt.CopyStmt.relation), isRepeatable: false } },
    ];
  if ('UpdateStmt' in stmt) return [{ kind: 'other', table: nameOf(stmt.UpdateStmt.relation) }];
  if ('DeleteStmt' in stmt) return [{ kind: 'other', table: nameOf(stmt.DeleteStmt.relation) }];
  if ('MergeStmt' in stmt) return [{ kind: 'other', table: nameOf(stmt.MergeStmt.relation) }];
  if ('AlterTableStmt' in stmt) return ofAlter(stmt);
  const created = relationOf(stmt);
  if (created) return [{ kind: 'create', table: nameOf(created) }];
  if ('CreateTrigStmt' in stmt)
    return [{ kind: 'other', table: nameOf(stmt.CreateTrigStmt.relation) }];
  const hides = Object.keys(stmt).some((kind) => hiding.has(kind));
  const isCall = 'SelectStmt' in stmt && JSON.stringify(stmt).includes('"FuncCall":');
  return hides || isCall ? [{ kind: 'other' }] : [];
}

function relationOf(stmt: Node): RangeVar | undefined {
  if ('CreateStmt' in stmt)
    return stmt.CreateStmt.if_not_exists ? undefined : stmt.CreateStmt.relation;
  if ('CreateSeqStmt' in stmt) return stmt.CreateSeqStmt.sequence;
  if ('ViewStmt' in stmt && !stmt.ViewStmt.replace) return stmt.ViewStmt.view;
  return undefined;
}

function ofAlter({ AlterTableStmt }: Extract<Node, { AlterTableStmt: unknown }>): RowChange[] {
  const table = nameOf(AlterTableStmt.relation);
  return (AlterTableStmt.cmds ?? []).flatMap((node): RowChange[] => {
    if (!('AlterTableCmd' in node)) return [];
    const { subtype = '', def, missing_ok: mayExist } = node.AlterTableCmd;
    if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def && !mayExist)
      return [{ kind: 'create', table, column: def.ColumnDef.colname ?? '' }];
    return /^AT_(?:Drop|AlterColumnType)/.test(subtype) ? [{ kind: 'other', table }] : [];
  });
}

/** Statements that change rows, or what names mean, out of sight. */
const hiding = new Set(
  ['Do', 'Call', 'Execute', 'VariableSet', 'Truncate', 'Drop', 'DropOwned', 'Rename', 'Rule'].map(
    (verb) => `${verb}Stmt`,
  ),
);

function insertOf({ InsertStmt }: Extract<Node, { InsertStmt: unknown }>): Insert {
  const { relation, cols = [], selectStmt, onConflictClause } = InsertStmt;
  const select = selectStmt && 'SelectStmt' in selectStmt ? selectStmt.SelectStmt : undefined;
  const columns = cols.flatMap((node) => ('ResTarget' in node ? (node.ResTarget.name ?? []) : []));
  const rows = select?.valuesLists?.map((node) =>
    'List' in node ? (node.List.items ?? []).map(constantOf) : [],
  );
  return {
    table: nameOf(relation),
    isRepeatable: onConflictClause !== undefined,
    ...(columns.length > 0 && { columns }),
    ...(rows && { rows }),
  };
}

function constantOf(node: Node): string | undefined {
  if ('TypeCast' in node) return node.TypeCast.arg && constantOf(node.TypeCast.arg);
  if (!('A_Const' in node)) return undefined;
  const { ival, fval, sval, boolval, isnull } = node.A_Const;
  if (isnull) return undefined;
  if (ival) return String(ival.ival ?? 0);
  if (fval) return fval.fval;
  if (sval) return sval.sval ?? '';
  return boolval ? String(boolval.boolval === true) : undefined;
}
