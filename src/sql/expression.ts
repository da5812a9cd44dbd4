import type { Node } from 'libpg-query';
import { quoteIdentifier } from '../db/quote.ts';
import { usageError } from '../errors.ts';
import type { ObjectName } from './non-transactional.ts';
import { parse, SqlSyntaxError } from './statements.ts';

/** An SQL expression that PostgreSQL's grammar accepts, and the names in it. */
export interface SqlExpression {
  sql: string;
  columns: ColumnReference[];
  /** Names of called functions, without schemas. */
  functions: string[];
}

export interface ColumnReference {
  /** The table or alias before the dot. */
  table?: string;
  column: string;
}

/** `column = expression` */
export interface Assignment {
  column: string;
  value: SqlExpression;
}

/** A table, and its name in expressions. */
export interface TableReference extends ObjectName {
  alias: string;
}

/**
 * Parses an expression.
 *
 * @param what its source, for messages, such as `--pause-when`
 * @throws usage error when the text is not exactly one expression
 */
export async function readExpression(sql: string, what: string): Promise<SqlExpression> {
  const [stmt, another] = await parsed(`SELECT (\n${sql}\n)`, what, sql);
  const select = stmt && 'SelectStmt' in stmt ? stmt.SelectStmt : undefined;
  const { targetList: [target, further] = [], ...rest } = select ?? {};
  const value = target && 'ResTarget' in target ? target.ResTarget : undefined;
  const isPlain = Object.keys(rest).every((key) => ['limitOption', 'op'].includes(key));
  if (!value?.val || another || further || !isPlain || value.name || isRow(value.val))
    throw refused(what, sql, 'it is not one expression');
  return { sql, ...namesIn(value.val) };
}

/** Parses `column = expression`. @throws usage error when it is not one assignment to one column */
export async function readAssignment(sql: string, what: string): Promise<Assignment> {
  const [stmt, another] = await parsed(`UPDATE t SET ${sql}`, what, sql);
  const update = stmt && 'UpdateStmt' in stmt ? stmt.UpdateStmt : undefined;
  const { targetList: [target, further] = [], ...rest } = update ?? {};
  const assigned = target && 'ResTarget' in target ? target.ResTarget : undefined;
  const isPlain = Object.keys(rest).every((key) => key === 'relation');
  if (!assigned?.name || another || further || !isPlain || assigned.indirection)
    throw refused(what, sql, 'write one COLUMN = EXPRESSION');
  const value = await readExpression(await afterEquals(sql), what);
  return { column: assigned.name, value };
}

/** `schema.table.column = expression`, with the names as the server reads them. */
export interface PlacedAssignment {
  schema?: string;
  table: string;
  column: string;
  /** SQL. */
  value: string;
}

/**
 * Parses `TABLE.COLUMN = EXPRESSION`; the table may have a schema.
 *
 * @throws usage error for anything else
 */
export async function readPlacedAssignment(sql: string, what: string): Promise<PlacedAssignment> {
  const [stmt, another] = await parsed(`UPDATE t SET ${sql}`, what, sql);
  const update = stmt && 'UpdateStmt' in stmt ? stmt.UpdateStmt : undefined;
  const { targetList: [target, further] = [], ...rest } = update ?? {};
  const assigned = target && 'ResTarget' in target ? target.ResTarget : undefined;
  const isPlain = Object.keys(rest).every((key) => key === 'relation');
  const names = [...(assigned?.name ? [assigned.name] : []), ...stringsOf(assigned?.indirection)];
  const [column, table, schema] = names.toReversed();
  if (!column || !table || names.length > 3 || another || further || !isPlain)
    throw refused(what, sql, 'write TABLE.COLUMN = EXPRESSION');
  const { sql: value } = await readExpression(await afterEquals(sql), what);
  return { ...(schema && { schema }), table, column, value };
}

/** Returns a name as people write it: quoted only where the server would read another name without. */
export async function plainName(name: string): Promise<string> {
  const isRead = await parse(`SELECT ${name}.${name} FROM ${name}`).then(
    ([{ stmt } = {}]) => {
      const [from] = stmt && 'SelectStmt' in stmt ? (stmt.SelectStmt.fromClause ?? []) : [];
      return from && 'RangeVar' in from && from.RangeVar.relname === name;
    },
    () => false,
  );
  return isRead && /^\w+$/.test(name) ? name : quoteIdentifier(name);
}

/** Parses a table such as `shop.content` or `users AS manager`. @throws usage error for anything else */
export async function readTable(sql: string, what: string): Promise<TableReference> {
  const [stmt, another] = await parsed(`SELECT FROM ${sql}`, what, sql);
  const select = stmt && 'SelectStmt' in stmt ? stmt.SelectStmt : undefined;
  const { fromClause: [table, further] = [], ...rest } = select ?? {};
  const range = table && 'RangeVar' in table ? table.RangeVar : undefined;
  const isPlain = Object.keys(rest).every((key) => ['limitOption', 'op'].includes(key));
  if (!range?.relname || another || further || !isPlain || range.catalogname)
    throw refused(what, sql, 'write one table, with its schema and an alias where it needs them');
  const { relname: name, schemaname: schema, alias } = range;
  return { name, ...(schema && { schema }), alias: alias?.aliasname ?? name };
}

/**
 * Parses what follows FROM: one table, or tables with their joins.
 *
 * @returns the tables of the clause, in its order
 * @throws usage error for anything else
 */
export async function readFrom(sql: string, what: string): Promise<TableReference[]> {
  const [stmt, another] = await parsed(`SELECT FROM ${sql}`, what, sql);
  const select = stmt && 'SelectStmt' in stmt ? stmt.SelectStmt : undefined;
  const { fromClause: [clause, further] = [], ...rest } = select ?? {};
  const isPlain = Object.keys(rest).every((key) => ['limitOption', 'op'].includes(key));
  if (!clause || another || further || !isPlain)
    throw refused(what, sql, 'write one table, or tables with JOIN … ON');
  const tables: TableReference[] = [];
  visit(clause, (node) => {
    if (!('RangeVar' in node) || !node.RangeVar.relname) return;
    const { relname: name, schemaname: schema, alias } = node.RangeVar;
    tables.push({ name, ...(schema && { schema }), alias: alias?.aliasname ?? name });
  });
  return tables;
}

/**
 * Returns the columns of a table that are compared with `=` in join conditions combined with AND.
 *
 * @param alias the name before the dot; undefined: of columns without one
 */
export async function equalColumns(on: string, alias: string | undefined): Promise<Set<string>> {
  const [{ stmt } = {}] = await parse(`SELECT (\n${on}\n)`);
  const select = stmt && 'SelectStmt' in stmt ? stmt.SelectStmt : undefined;
  const [target] = select?.targetList ?? [];
  const condition = target && 'ResTarget' in target ? target.ResTarget.val : undefined;
  const sides = condition ? conjuncts(condition).flatMap(sidesOfEquality) : [];
  return new Set(
    sides.flatMap((side) => {
      const { table, column } = ('ColumnRef' in side && columnOf(side)) || {};
      return table === alias && column ? [column] : [];
    }),
  );
}

function conjuncts(node: Node): Node[] {
  const isAnd = 'BoolExpr' in node && node.BoolExpr.boolop === 'AND_EXPR';
  return isAnd ? (node.BoolExpr.args ?? []).flatMap(conjuncts) : [node];
}

function sidesOfEquality(node: Node): Node[] {
  if (!('A_Expr' in node) || node.A_Expr.kind !== 'AEXPR_OP') return [];
  const { name = [], lexpr, rexpr } = node.A_Expr;
  const isEqual = stringsOf(name).at(-1) === '=';
  return isEqual && lexpr && rexpr ? [lexpr, rexpr] : [];
}

async function parsed(sql: string, what: string, source: string): Promise<(Node | undefined)[]> {
  try {
    return (await parse(sql)).map(({ stmt }) => stmt);
  } catch (error) {
    if (error instanceof SqlSyntaxError) throw refused(what, source, error.message);
    throw error;
  }
}

async function afterEquals(sql: string): Promise<string> {
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const equals = scanSync(sql).tokens.find(({ text }) => text === '=' || text === ':=');
  return Buffer.from(sql)
    .subarray(equals?.end ?? 0)
    .toString()
    .trim();
}

/** Returns whether an expression is a row: `a, b` in parentheses. */
function isRow(node: Node): boolean {
  return 'RowExpr' in node && node.RowExpr.row_format === 'COERCE_IMPLICIT_CAST';
}

function namesIn(tree: Node): Pick<SqlExpression, 'columns' | 'functions'> {
  const columns: ColumnReference[] = [];
  const functions: string[] = [];
  visit(tree, (node) => {
    if ('ColumnRef' in node) columns.push(...[columnOf(node)].filter((name) => name !== undefined));
    if ('FuncCall' in node) functions.push(stringsOf(node.FuncCall.funcname).at(-1) ?? '');
  });
  return { columns, functions };
}

function visit(value: unknown, look: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) look(value as Node);
  for (const child of Object.values(value)) visit(child, look);
}

function columnOf({
  ColumnRef,
}: Extract<Node, { ColumnRef: unknown }>): ColumnReference | undefined {
  const names = stringsOf(ColumnRef.fields);
  const [column, table] = names.toReversed();
  return column ? { column, ...(table && { table }) } : undefined;
}

function stringsOf(nodes: readonly Node[] = []): string[] {
  return nodes.flatMap((node) => ('String' in node ? (node.String.sval ?? []) : []));
}

function refused(what: string, sql: string, why: string) {
  return usageError(
    'EXPRESSION',
    `Invalid ${what}: ${why}.`,
    'Correct it; a value is one SQL expression, such as content.organization_id.',
    [sql],
  );
}

/** Returns the columns of a parse tree, in the order in which the server uses them to generate a name. */
export function columnsIn(expression: Node | undefined): string[] {
  const names = JSON.stringify(expression ?? {}).matchAll(
    /"ColumnRef":\{"fields":\[(?:[^\]]*,)?\{"String":\{"sval":"([^"]+)"\}\}\]/g,
  );
  return [...new Set([...names].map(([, name = '']) => name))];
}
