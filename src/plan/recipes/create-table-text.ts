import type { Constraint, Node } from 'libpg-query';
import { commandsOf } from '../../sql/non-transactional.ts';
import { piecesOf, type TableConstraint } from '../../sql/alter-table.ts';
import { parse } from '../../sql/statements.ts';

/** A CREATE TABLE without its foreign keys, and those. */
export interface TableWithoutKeys {
  sql: string;
  keys: TableConstraint[];
}

/**
 * Returns a CREATE TABLE without the foreign keys for which `isMoved` holds.
 *
 * @param sql one CREATE TABLE, without comments before it
 */
export async function withoutForeignKeys(
  sql: string,
  isMoved: (key: TableConstraint) => boolean,
): Promise<TableWithoutKeys | undefined> {
  const list = await elementsOf(sql);
  if (!list) return undefined;
  const kept: string[] = [];
  const keys: TableConstraint[] = [];
  for (const element of list.elements) {
    const { rest, moved } = await cutElement(element, isMoved);
    keys.push(...moved);
    if (rest !== '') kept.push(rest);
  }
  return { sql: `${list.before}${kept.join(',\n  ')}${list.after}`, keys };
}

/** Returns the elements in the outer parentheses, and the text around them. */
async function elementsOf(sql: string) {
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const bytes = Buffer.from(sql);
  const slice = (from: number, to?: number) => bytes.subarray(from, to).toString();
  const tokens = scanSync(sql).tokens;
  const open = tokens.find(({ text }) => text === '(');
  if (!open) return undefined;
  const elements: string[] = [];
  let depth = 0;
  let start = open.end;
  for (const { text, start: at, end } of tokens.filter((token) => token.start >= open.start)) {
    if (text === '(' || text === '[') depth += 1;
    if (text === ')' || text === ']') depth -= 1;
    if (depth === 0 || (depth === 1 && text === ',')) {
      elements.push(slice(start, at).trim());
      start = end;
    }
    if (depth === 0)
      return { before: slice(0, open.end), after: slice(at), elements: elements.filter(Boolean) };
  }
  return undefined;
}

type Cut = { rest: string; moved: TableConstraint[] };

async function cutElement(
  element: string,
  isMoved: (key: TableConstraint) => boolean,
): Promise<Cut> {
  const whole = { rest: element, moved: [] };
  const command = await addCommand(`ALTER TABLE t ADD ${element}`);
  if (!command) return whole;
  if (command.kind === 'constraint')
    return isMoved(command.constraint) ? { rest: '', moved: [command.constraint] } : whole;
  const { constraints, text, parts } = command;
  const moved = constraints.filter((each) => each.kind === 'foreign-key' && isMoved(each));
  if (moved.length === 0) return whole;
  if (moved.length < parts.filter(({ contype }) => contype === 'CONSTR_FOREIGN').length)
    return whole;
  return { rest: withoutParts(text, parts), moved };
}

/** Returns the text of a column without its foreign keys and their attributes, such as DEFERRABLE. */
function withoutParts(text: string, parts: readonly Constraint[]): string {
  const bytes = Buffer.from(text);
  const starts = parts.map(({ location = 0 }) => location);
  const prefix = Buffer.byteLength('ALTER TABLE t ADD COLUMN ');
  let result = bytes.subarray(prefix, starts[0]).toString();
  let isGone = false;
  for (const [at, { contype = '' }] of parts.entries()) {
    if (!contype.startsWith('CONSTR_ATTR')) isGone = contype === 'CONSTR_FOREIGN';
    if (!isGone) result += bytes.subarray(starts[at], starts[at + 1]).toString();
  }
  return result.trim();
}

/** Returns an element of CREATE TABLE as ALTER TABLE would add it; undefined for LIKE. */
async function addCommand(sql: string) {
  const trees = await parse(sql).catch(() => undefined);
  const [{ stmt } = {}] = trees ?? [];
  const def = definitionIn(stmt);
  if (!def) return undefined;
  const [piece] = await piecesOf('ColumnDef' in def ? asColumn(sql) : sql);
  if (piece?.kind === 'add-constraint')
    return { kind: 'constraint' as const, constraint: piece.constraint };
  if (piece?.kind !== 'add-column') return undefined;
  const [tree] = await parse(asColumn(sql));
  const column = definitionIn(tree?.stmt);
  const nodes = column && 'ColumnDef' in column ? (column.ColumnDef.constraints ?? []) : [];
  const parts = nodes.flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const { constraints } = piece.column;
  return { kind: 'column' as const, constraints, parts, text: asColumn(sql) };
}

function asColumn(sql: string): string {
  return sql.replace('ADD ', 'ADD COLUMN ');
}

function definitionIn(stmt: Node | undefined): Node | undefined {
  return commandsOf(stmt)[0]?.def;
}
