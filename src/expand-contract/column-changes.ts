import { usageError } from '../errors.ts';
import type { Piece, TableConstraint, TypeChange } from '../sql/alter-table.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { wordsOf } from '../sql/statement-text.ts';
import { tablesWithRows, type ExistingSchema } from './plan.ts';

/** A column that a migration renames, or whose type it changes. */
export interface ChangedColumn {
  table: ObjectName;
  /** Its name before the migration. */
  column: string;
  /** Its name after the migration. */
  final: string;
  /** Absent: it is renamed. */
  change?: TypeChange;
}

/** A primary key that a migration adds to a table with rows. */
export interface KeyChange {
  table: ObjectName;
  /** The primary key that the migration drops first. */
  dropped?: string;
  constraint: TableConstraint;
}

/** The statements of a migration by how they are split. */
export interface SortedPieces {
  columns: ChangedColumn[];
  keys: KeyChange[];
  /** Without the statements of `columns`, `keys` and `last`. */
  rest: Piece[];
  /** Statements that need the old column to be gone, such as DROP TYPE. */
  last: string[];
}

interface FoundChanges {
  columns: Map<Piece, ChangedColumn>;
  keys: Map<Piece, KeyChange>;
}

/** Returns the changes of columns and primary keys of tables that may have rows, by their statements. */
export function changesIn(pieces: readonly Piece[], existing: ExistingSchema): FoundChanges {
  const mayHaveRows = tablesWithRows(pieces, existing);
  const columns = new Map<Piece, ChangedColumn>();
  const keys = new Map<Piece, KeyChange>();
  for (const piece of pieces) {
    if (!('table' in piece) || !mayHaveRows(piece.table)) continue;
    const { table } = piece;
    if (piece.kind === 'rename-column')
      columns.set(piece, { table, column: piece.column, final: piece.to });
    if (piece.kind === 'alter-type')
      columns.set(piece, {
        table,
        column: piece.column,
        final: piece.column,
        change: piece.change,
      });
    if (
      piece.kind === 'add-constraint' &&
      isNewKey(piece.constraint) &&
      !existing.isPartitioned(table)
    )
      keys.set(piece, {
        table,
        constraint: piece.constraint,
        ...droppedIn(piece, pieces, existing),
      });
  }
  return { columns, keys };
}

/**
 * Sorts the statements of a migration by how they are split.
 *
 * @param free changes of type that need no second column
 * @throws usage error for a migration that changes a column in several ways
 */
export async function sortPieces(
  pieces: readonly Piece[],
  existing: ExistingSchema,
  free: ReadonlySet<Piece> = new Set(),
): Promise<SortedPieces> {
  const { columns, keys } = changesIn(pieces, existing);
  for (const piece of free) columns.delete(piece);
  const changes = [...columns.values()];
  const left = pieces.filter((piece) => !columns.has(piece) && !keys.has(piece));
  const rest = left.filter((piece) => !isSuperseded(piece, changes, [...keys.values()]));
  assertOnce(changes);
  for (const piece of rest) await assertApart(piece, changes);
  const isLast = ({ sql }: Piece) => changes.length > 0 && /^drop\s+type\b/i.test(sql);
  return {
    columns: changes,
    keys: [...keys.values()],
    rest: rest.filter((piece) => !isLast(piece)),
    last: rest.filter(isLast).map(({ sql }) => sql),
  };
}

function isNewKey({ kind, isOnline }: TableConstraint): boolean {
  return kind === 'primary' && !isOnline;
}

function droppedIn(
  { table }: { table: ObjectName },
  pieces: readonly Piece[],
  existing: ExistingSchema,
): Pick<KeyChange, 'dropped'> {
  const name = existing.primaryKeyOf(table);
  const drop = pieces.find(
    (piece) =>
      piece.kind === 'drop-constraint' && piece.name === name && isSameTable(piece.table, table),
  );
  if (drop?.kind !== 'drop-constraint') return {};
  if (drop.isCascade)
    throw usageError(
      'EXPAND.CASCADE',
      `${drop.sql} drops foreign keys of other tables without naming them.`,
      'Drop these foreign keys by name in the migration, and add them again in a later one.',
    );
  return { dropped: drop.name };
}

/** Returns whether a statement is part of a change: the default of a column, the drop of a primary key. */
export function isSuperseded(
  piece: Piece,
  columns: readonly ChangedColumn[],
  keys: readonly KeyChange[],
): boolean {
  if (piece.kind === 'alter-default')
    return columns.some(
      ({ table, column, final }) =>
        isSameTable(piece.table, table) && [column, final].includes(piece.column),
    );
  if (piece.kind !== 'drop-constraint') return false;
  return keys.some(
    ({ table, dropped }) => isSameTable(piece.table, table) && dropped === piece.name,
  );
}

function isSameTable(one: ObjectName, another: ObjectName): boolean {
  const { schema = another.schema, name } = one;
  return name === another.name && schema === (another.schema ?? schema);
}

function assertOnce(changes: readonly ChangedColumn[]): void {
  for (const [at, change] of changes.entries()) {
    const another = changes
      .slice(at + 1)
      .find(
        ({ table, column }) =>
          isSameTable(table, change.table) && [change.column, change.final].includes(column),
      );
    if (another) throw mixed(change, 'changes the column twice');
  }
}

async function assertApart(piece: Piece, changes: readonly ChangedColumn[]): Promise<void> {
  if (changes.length === 0) return;
  const words = await wordsOf(piece.sql);
  for (const change of changes) {
    const { table, column, final } = change;
    const isOfTable =
      'table' in piece && piece.kind !== 'create-table'
        ? isSameTable(piece.table, table) || words.has(table.name)
        : words.has(table.name);
    if (isOfTable && (words.has(column) || words.has(final)))
      throw mixed(change, `also contains: ${piece.sql.replaceAll(/\s+/g, ' ')}`);
  }
}

function mixed({ table, column, change }: ChangedColumn, what: string) {
  return usageError(
    'EXPAND.MIXED',
    `The migration ${change ? 'changes the type of' : 'renames'} ${table.name}.${column}, and ${what}.`,
    'Move the other statement to a migration before or after this one, and run the command again.',
  );
}
