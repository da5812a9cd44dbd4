import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { nameOf } from '../../sql/non-transactional.ts';
import type { AddedConstraint } from './added-constraint.ts';
import type { ParsedStatement } from './recipe.ts';

/** Returns a note on a foreign key whose columns no index of the database or of the migration begins with. */
export function notesOnForeignKey(
  { table, known, constraint }: AddedConstraint,
  { earlier, later }: Pick<ParsedStatement, 'earlier' | 'later'>,
): string[] {
  const { kind, columns, references } = constraint;
  if (kind !== 'foreign-key' || !references) return [];
  const leads = (index: readonly string[]) => {
    const first = index.slice(0, columns.length);
    return columns.every((column) => first.includes(column));
  };
  const isIndexed =
    known.indexes.some(leads) ||
    [...earlier, ...later].some((each) => indexesIn(each, table.name).some(leads));
  if (isIndexed) return [];
  const list = columns.join(', ');
  return [
    `No index of ${known.name} begins with ${list}: whenever a row of ${references.name} is deleted or its key changes, PostgreSQL reads all of ${known.name}. Create one in another migration: CREATE INDEX CONCURRENTLY ON ${quoteName(table)} (${columns.map(q).join(', ')})`,
  ];
}

/** Returns the columns of the indexes that a statement creates on a table. */
function indexesIn({ node, pieces }: ParsedStatement, table: string): string[][] {
  const own = pieces.flatMap((piece) =>
    piece.kind === 'add-constraint' && piece.table.name === table
      ? piece.constraint.kind === 'unique' || piece.constraint.kind === 'primary'
        ? [piece.constraint.columns]
        : []
      : [],
  );
  if (!('IndexStmt' in node) || nameOf(node.IndexStmt.relation).name !== table) return own;
  const { indexParams = [], whereClause } = node.IndexStmt;
  if (whereClause) return own;
  return [indexParams.map((each) => ('IndexElem' in each ? (each.IndexElem.name ?? '') : ''))];
}
