import type { Piece } from '../../sql/alter-table.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import type { KnownTable, ParsedStatement, RecipeFacts } from './recipe.ts';

type OfKind<K extends Piece['kind']> = Extract<Piece, { kind: K }>;

/** Returns the only command of a statement, if it is one of this kind. */
export function onlyPiece<K extends Piece['kind']>(
  { pieces }: Pick<ParsedStatement, 'pieces'>,
  kind: K,
): OfKind<K> | undefined {
  const [piece, another] = pieces;
  return !another && isOfKind(piece, kind) ? piece : undefined;
}

function isOfKind<K extends Piece['kind']>(piece: Piece | undefined, kind: K): piece is OfKind<K> {
  return piece?.kind === kind;
}

/**
 * Returns the facts of a table that a statement alters; undefined where it does not exist, or where
 * ONLY excludes tables that inherit from it, for which no recipe is written.
 */
export async function knownTable(
  { node }: Pick<ParsedStatement, 'node'>,
  table: ObjectName,
  { catalog }: RecipeFacts,
): Promise<KnownTable | undefined> {
  const known = await catalog.table(table);
  const isOnly = 'AlterTableStmt' in node && node.AlterTableStmt.relation?.inh !== true;
  return known && isOnly && (known.isPartitioned || known.hasHeirs) ? undefined : known;
}
