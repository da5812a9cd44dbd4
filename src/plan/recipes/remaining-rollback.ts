import { withoutMoved } from '../../expand-contract/plan.ts';
import { piecesOf, type Piece } from '../../sql/alter-table.ts';
import { commandsOf, nameOf } from '../../sql/non-transactional.ts';
import { parse } from '../../sql/statements.ts';

/**
 * Returns the statements of a rollback without those for what later files do. Their rollback is derived
 * from the schema.
 *
 * @param later the SQL of the later files
 */
export async function remainingRollback(down: string, later: string): Promise<string[]> {
  const pieces = await piecesOf(later);
  const moved = new Set(pieces.flatMap(namesIn));
  const columns = pieces.flatMap((piece) =>
    piece.kind === 'add-column' ? `${piece.table.name}.${piece.column.name}` : [],
  );
  const tables = pieces.flatMap((piece) => (piece.kind === 'create-table' ? piece.table.name : []));
  const isMoved = async (sql: string) => {
    const dropped = await droppedBy(sql);
    return dropped !== undefined && [...columns, ...tables].includes(dropped);
  };
  const kept: string[] = [];
  for (const sql of withoutMoved(await piecesOf(down), moved))
    if (!(await isMoved(sql))) kept.push(sql);
  return kept;
}

/** Returns the names by which a rollback refers to what a statement adds. */
function namesIn(piece: Piece): string[] {
  if (piece.kind === 'set-not-null') return [piece.column];
  if (piece.kind === 'create-index')
    return piece.index.name === undefined ? [] : [piece.index.name];
  if (piece.kind !== 'add-constraint') return [];
  const { name, kind, columns } = piece.constraint;
  return [...(name === undefined ? [] : [name]), ...(kind === 'not-null' ? columns : [])];
}

/** Returns the table, or the column as `table.column`, that a statement drops. */
async function droppedBy(sql: string): Promise<string | undefined> {
  const [{ stmt } = {}] = await parse(sql);
  if (stmt && 'AlterTableStmt' in stmt) {
    const [{ subtype, name = '' } = {}] = commandsOf(stmt);
    const table = nameOf(stmt.AlterTableStmt.relation).name;
    return subtype === 'AT_DropColumn' ? `${table}.${name}` : undefined;
  }
  if (!stmt || !('DropStmt' in stmt) || stmt.DropStmt.removeType !== 'OBJECT_TABLE')
    return undefined;
  const [object, another] = stmt.DropStmt.objects ?? [];
  const last = object && 'List' in object ? object.List.items?.at(-1) : undefined;
  return last && !another && 'String' in last ? last.String.sval : undefined;
}
