import type { AlterTableCmd, Node, TypeName } from 'libpg-query';
import { formerNames, type FormerNames } from './former-names.ts';
import { commandsOf, nameFrom, nameOf, pathOf, type ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

/** Data that a statement destroys, as far as its text shows; only the catalog shows dependent objects. */
export type Destruction =
  | { kind: 'table'; table: ObjectName }
  | { kind: 'schema'; schema: string }
  | { kind: 'column'; table: ObjectName; column: string }
  /** A type change; `isRewritten`: by an expression, which can change any value. */
  | { kind: 'type'; table: ObjectName; column: string; isRewritten: boolean }
  /** `TRUNCATE`, and `DELETE` without a condition. */
  | { kind: 'rows'; table: ObjectName; cascades: boolean }
  | { kind: 'some-rows'; table: ObjectName }
  /** A statement whose objects are not in its text (`DO`, `CALL`), or that drops dependent ones. */
  | { kind: 'hidden' };

/** Parsing is needed only for files with one of these words. */
const suspicious =
  /\bdrop\b(?!\s+(?:not|default|constraint)\b)|\btruncate\b|(?<!\bon\s+)\bdelete\b|\bdo\b(?!\s+(?:nothing|update|instead|also)\b)|\bexecute\b(?!\s+(?:function|procedure)\b)|\bcall\b/i;
const retyping = [/\balter\b/i, /\btype\b/i];

/** Words of SQL and of query builders, for modules and for SQL that the grammar rejects. */
const destroyingText = [
  /\bdrop\b(?!\s+(?:not|default|constraint)\b)|\btruncate\b|\bdelete\s+from\b|\balter\b[^]*\btype\b/i,
  /\bdrop(?!Index|Constraint|Foreign|Primary|Unique|Nullable|Not|Default|Trigger|Policy|Function)[A-Z]\w*\(/,
  /\b(?:alterColumn|setDataType|deleteFrom|truncate\w*|alter|del|delete)\(/,
];

/**
 * Returns what an SQL file may destroy, by PostgreSQL's grammar and under the names before the file;
 * SQL that the grammar rejects may be `hidden`.
 */
export async function destructionsOf(sql: string): Promise<Destruction[]> {
  if (!suspicious.test(sql) && !retyping.every((word) => word.test(sql))) return [];
  try {
    const names = formerNames();
    return (await parse(sql)).flatMap(({ stmt }) => {
      if (!stmt) return [];
      names.read(stmt);
      return ofStatement(stmt).flatMap((destruction) => underFormerNames(destruction, names));
    });
  } catch {
    return mayHide(sql) ? [{ kind: 'hidden' }] : [];
  }
}

/** Returns nothing for a table that the file created itself. */
function underFormerNames(destruction: Destruction, names: FormerNames): Destruction[] {
  if (destruction.kind === 'hidden') return [destruction];
  if (destruction.kind === 'schema')
    return [{ ...destruction, schema: names.schema(destruction.schema) }];
  const table = names.table(destruction.table);
  if (!table) return [];
  if (!('column' in destruction)) return [{ ...destruction, table }];
  return [{ ...destruction, table, column: names.column(destruction.table, destruction.column) }];
}

/** The body of a `DO` may execute a statement that it assembles. */
function mayHide(sql: string): boolean {
  return /\bexecute\b/i.test(sql) || mayDestroy(sql);
}

/** Returns whether the words of a module suggest that it destroys data. */
export function mayDestroy(source: string): boolean {
  return destroyingText.some((words) => words.test(source));
}

function ofStatement(stmt: Node): Destruction[] {
  if ('DropStmt' in stmt) return ofDrop(stmt);
  if ('AlterTableStmt' in stmt) return ofAlter(stmt);
  if ('DropOwnedStmt' in stmt || 'CallStmt' in stmt || 'ExecuteStmt' in stmt)
    return [{ kind: 'hidden' }];
  if ('DoStmt' in stmt)
    return mayHide(JSON.stringify(stmt.DoStmt.args)) ? [{ kind: 'hidden' }] : [];
  if ('TruncateStmt' in stmt) {
    const { relations = [], behavior } = stmt.TruncateStmt;
    const cascades = behavior === 'DROP_CASCADE';
    return relations.flatMap((node) =>
      'RangeVar' in node ? { kind: 'rows', table: nameOf(node.RangeVar), cascades } : [],
    );
  }
  if ('CreateFunctionStmt' in stmt || 'RuleStmt' in stmt) return []; // defined, not run
  return deletesIn(stmt);
}

function ofDrop({ DropStmt }: Extract<Node, { DropStmt: unknown }>): Destruction[] {
  const { removeType, objects = [], behavior } = DropStmt;
  const paths = objects.map(pathOf);
  if (removeType === 'OBJECT_TABLE')
    return paths.map((path) => ({ kind: 'table', table: nameFrom(path) }));
  if (removeType === 'OBJECT_SCHEMA')
    return paths.map(([schema = '']) => ({ kind: 'schema', schema }));
  return behavior === 'DROP_CASCADE' ? [{ kind: 'hidden' }] : [];
}

function ofAlter({ AlterTableStmt }: Extract<Node, { AlterTableStmt: unknown }>): Destruction[] {
  const { relation, objtype } = AlterTableStmt;
  const commands = commandsOf({ AlterTableStmt });
  const changes = commands.filter(({ subtype }) => subtype && destroying.has(subtype));
  // An attribute of a composite type is stored in columns of that type.
  if (objtype !== 'OBJECT_TABLE') return changes.map(() => ({ kind: 'hidden' }));
  const table = nameOf(relation);
  return changes.map((change): Destruction => {
    const { name: column = '', subtype } = change;
    return subtype === 'AT_DropColumn'
      ? { kind: 'column', table, column }
      : { kind: 'type', table, column, isRewritten: isRewritten(change) };
  });
}

const destroying = new Set(['AT_DropColumn', 'AT_AlterColumnType']);

/** Returns whether USING does more than cast the column to its new type, directly or through text. */
function isRewritten({ name, def }: AlterTableCmd): boolean {
  if (!def || !('ColumnDef' in def)) return false;
  const { raw_default: using, typeName } = def.ColumnDef;
  let expression: Node | undefined = using;
  while (expression && 'TypeCast' in expression) {
    const { arg, typeName: cast } = expression.TypeCast;
    if (!cast || cast.typmods || !(isText(cast) || isSame(cast, typeName))) return true;
    expression = arg;
  }
  if (!expression) return false;
  return !('ColumnRef' in expression) || lastOf(expression.ColumnRef.fields) !== name;
}

function isText({ names = [], arrayBounds }: TypeName): boolean {
  return !arrayBounds && lastOf(names) === 'text';
}

function isSame(one: TypeName, other: TypeName | undefined): boolean {
  const spelled = (type: TypeName | undefined) =>
    JSON.stringify([type?.names, type?.arrayBounds ?? []]);
  return spelled(one) === spelled(other);
}

/** Finds DELETE and MERGE, also in a WITH. */
function deletesIn(node: unknown): Destruction[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, child]: [string, unknown]): Destruction[] => {
    const inner = deletesIn(child);
    if (key === 'MergeStmt' && JSON.stringify(child).includes('"CMD_DELETE"')) {
      const { relation } = child as Extract<Node, { MergeStmt: unknown }>['MergeStmt'];
      return [{ kind: 'some-rows', table: nameOf(relation) }, ...inner];
    }
    if (key !== 'DeleteStmt') return inner;
    const { relation, whereClause } = child as Extract<Node, { DeleteStmt: unknown }>['DeleteStmt'];
    const table = nameOf(relation);
    return [
      whereClause ? { kind: 'some-rows', table } : { kind: 'rows', table, cascades: false },
      ...inner,
    ];
  });
}

function lastOf(nodes: readonly Node[] = []): string | undefined {
  return nodes.flatMap(pathOf).at(-1);
}
