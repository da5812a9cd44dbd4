import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import type { Piece, TableConstraint } from '../sql/alter-table.ts';
import { indexOfConstraint } from '../sql/constraint-index.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { checkRowsFirst, notNull, withoutTriggers, type RowCheck } from './contract-statements.ts';

/** A migration split in two: what runs before the backfill (expand) and after it (contract). */
export interface Split {
  /** Statements that run before the backfill. */
  expand: string[];
  /** Statements that run after it, each in its own transaction. */
  contract: string[];
  /** Statements that roll back `contract`. */
  undo: string[];
  /** Statements that replace columns, in one transaction after `contract`; empty where none is replaced. */
  swap: string[];
  /** Comments that allow what `swap` does to names that remain. */
  allowed: string[];
  /** Whether `swap` drops no value that the new columns lack. */
  keepsValues: boolean;
  /** Those of `contract` that remain as they are, and block writes. */
  blocking: string[];
  /** Columns that the backfill must fill. */
  columns: EmptyColumn[];
  /** Names of constraints, indexes and columns that moved to `contract`. */
  moved: Set<string>;
  /** Statements that were not split, and other remarks to review. */
  notes: string[];
}

export interface EmptyColumn {
  table: ObjectName;
  name: string;
  /** SQL of a volatile default, which differs in every row. */
  default?: string;
  /** It exists already, and may have a value in every row. */
  isExisting?: boolean;
  /** It takes its values from another column of the row. */
  copied?: CopiedValue;
}

export interface CopiedValue {
  /** SQL of the value. */
  value: string;
  /** SQL: rows that have one. */
  where: string;
  /** Where the value comes from, for the report. */
  origin: string;
}

/** What the database already has of the objects that a migration names. */
export interface ExistingSchema {
  /** Whether a table exists, and so may have rows. */
  hasTable: (table: ObjectName) => boolean;
  /** Whether a function is volatile: a default that calls it rewrites the table. */
  isVolatile: (name: string) => boolean;
  /** Whether a table is partitioned: the server builds its indexes only under locks. */
  isPartitioned: (table: ObjectName) => boolean;
  /** Returns the name of the primary key of a table. */
  primaryKeyOf: (table: ObjectName) => string | undefined;
}

/** Splits the statements of a migration. Tables that it creates itself have no rows to fill. */
export async function splitMigration(
  pieces: readonly Piece[],
  existing: ExistingSchema,
): Promise<Split> {
  const split: Split = {
    expand: [],
    contract: [],
    undo: [],
    swap: [],
    allowed: [],
    keepsValues: true,
    blocking: [],
    columns: [],
    moved: new Set(),
    notes: [],
  };
  const demands: ContractParts = { checks: [], notNull: [], indexes: [], constraints: [] };
  const mayHaveRows = tablesWithRows(pieces, existing);
  for (const piece of pieces)
    if (!('table' in piece) || !mayHaveRows(piece.table)) split.expand.push(piece.sql);
    else await sort(piece, split, demands, existing);
  split.contract.push(
    ...(demands.checks.length > 0 ? [checkRowsFirst(demands.checks)] : []),
    ...demands.notNull.flatMap(({ table, name }) => notNull(table, name)),
    ...demands.indexes,
    ...demands.constraints,
    ...split.columns.flatMap(({ table, name }) => withoutTriggers(table, name)),
  );
  return split;
}

/** Returns whether a table may have rows: it exists, and the migration does not create it. */
export function tablesWithRows(
  pieces: readonly Piece[],
  existing: ExistingSchema,
): (table: ObjectName) => boolean {
  const created = new Set(
    pieces.flatMap((piece) => (piece.kind === 'create-table' ? [quoteName(piece.table)] : [])),
  );
  return (table) => !created.has(quoteName(table)) && existing.hasTable(table);
}

/** The parts of `contract`, in the order in which they run. */
interface ContractParts {
  checks: RowCheck[];
  notNull: { table: ObjectName; name: string }[];
  indexes: string[];
  constraints: string[];
}

type OnTable = Extract<Piece, { table: ObjectName }>;

async function sort(
  piece: OnTable,
  split: Split,
  demands: ContractParts,
  existing: ExistingSchema,
): Promise<void> {
  const { table } = piece;
  if (piece.kind === 'add-column') return addColumn(piece, split, demands, existing);
  if (piece.kind === 'set-not-null') return setNotNull(table, piece.column, split, demands);
  if (piece.kind === 'add-constraint') return addConstraint(piece, split, demands, existing);
  if (piece.kind === 'create-index') {
    const { name, concurrently, isUnique } = piece.index;
    if (existing.isPartitioned(table)) {
      split.notes.push(ofPartitions(table, name ?? 'an index'));
      split.blocking.push(piece.sql);
    }
    demands.indexes.push(existing.isPartitioned(table) ? piece.sql : concurrently);
    if (name === undefined) {
      split.notes.push(`An index on ${table.name} has no name; write its rollback by hand.`);
      return;
    }
    split.moved.add(name);
    split.undo.unshift(`DROP INDEX ${quoteName({ ...table, name })}`);
    if (isUnique)
      split.notes.push(`${name}: CREATE INDEX fails on duplicate rows; check for them first.`);
    return;
  }
  split.expand.push(piece.sql);
}

async function addColumn(
  { table, column, sql }: Extract<Piece, { kind: 'add-column' }>,
  split: Split,
  demands: ContractParts,
  existing: ExistingSchema,
): Promise<void> {
  const { name, type, isNotNull, isFilled, constraints } = column;
  const differs = column.default?.functions.some(existing.isVolatile) === true;
  const isEmpty = !isFilled && ((isNotNull && column.default === undefined) || differs);
  if (!isEmpty && constraints.length === 0) return void split.expand.push(sql);
  if (isFilled) {
    split.notes.push(
      `${table.name}.${name} is a generated or key column: adding it rewrites the table under an ACCESS EXCLUSIVE lock.`,
    );
    return void split.expand.push(sql);
  }
  const plain = column.default !== undefined && !differs ? ` DEFAULT ${column.default.sql}` : '';
  const stays = isNotNull && !isEmpty ? ' NOT NULL' : '';
  const alter = `ALTER TABLE ${quoteName(table)}`;
  split.expand.push(`${alter} ADD COLUMN ${q(name)} ${type}${plain}${stays}`);
  if (differs)
    split.expand.push(`${alter} ALTER COLUMN ${q(name)} SET DEFAULT ${column.default?.sql}`);
  if (isEmpty) {
    split.columns.push({
      table,
      name,
      ...(differs && column.default && { default: column.default.sql }),
    });
    if (isNotNull) demandNotNull(table, name, split, demands);
  }
  for (const constraint of constraints) {
    const added = `${alter} ADD ${constraint.sql}`;
    const piece = { kind: 'add-constraint', sql: added, table, constraint } as const;
    await addConstraint(piece, split, demands, existing);
  }
}

function setNotNull(table: ObjectName, name: string, split: Split, demands: ContractParts): void {
  const isSame = (column: EmptyColumn) =>
    column.name === name && quoteName(column.table) === quoteName(table);
  if (!split.columns.some(isSame)) split.columns.push({ table, name, isExisting: true });
  demandNotNull(table, name, split, demands);
}

function demandNotNull(
  table: ObjectName,
  name: string,
  split: Split,
  demands: ContractParts,
): void {
  demands.notNull.push({ table, name });
  split.moved.add(name);
  split.undo.push(`ALTER TABLE ${quoteName(table)} ALTER COLUMN ${q(name)} DROP NOT NULL`);
  demands.checks.push({
    sql: `SELECT FROM ${quoteName(table)} WHERE ${q(name)} IS NULL`,
    message: `${table.name} has rows without ${name}`,
  });
}

async function addConstraint(
  { table, constraint, sql }: Extract<Piece, { kind: 'add-constraint' }>,
  split: Split,
  demands: ContractParts,
  { isPartitioned }: ExistingSchema,
): Promise<void> {
  const { kind, isOnline, expression } = constraint;
  if (kind === 'other' || kind === 'primary' || kind === 'not-null' || isOnline) {
    if (!isOnline)
      split.notes.push(
        `${table.name}: ${constraint.sql} cannot be added online; it remains in the first file.`,
      );
    split.expand.push(sql);
    return;
  }
  const name = constraint.name ?? defaultName(table, constraint);
  const alter = `ALTER TABLE ${quoteName(table)}`;
  split.moved.add(name);
  split.undo.unshift(`${alter} DROP CONSTRAINT ${q(name)}`);
  // USING INDEX is for plain tables, and a foreign key NOT VALID needs PostgreSQL 18 on others.
  if (isPartitioned(table) && kind !== 'check') {
    const add = `${alter} ADD CONSTRAINT ${q(name)} ${constraint.sql}`;
    split.notes.push(ofPartitions(table, name));
    split.blocking.push(add);
    demands.constraints.push(add);
    return;
  }
  if (kind === 'unique') demands.checks.push(duplicates(table, constraint));
  if (kind === 'unique') return addUnique(table, name, constraint, demands);
  if (kind === 'check' && expression !== undefined)
    demands.checks.push({
      sql: `SELECT FROM ${quoteName(table)} WHERE NOT (${expression})`,
      message: `${table.name} has rows that ${name} forbids`,
    });
  demands.constraints.push(
    `${alter} ADD CONSTRAINT ${q(name)} ${constraint.sql} NOT VALID`,
    `${alter} VALIDATE CONSTRAINT ${q(name)}`,
  );
}

/** A unique constraint is built from an index that is created CONCURRENTLY. */
async function addUnique(
  table: ObjectName,
  name: string,
  constraint: TableConstraint,
  demands: ContractParts,
): Promise<void> {
  const alter = `ALTER TABLE ${quoteName(table)} ADD CONSTRAINT ${q(name)}`;
  const index = await indexOfConstraint({ table, constraint }, name);
  if (index)
    demands.indexes.push(index.create, `${alter} UNIQUE USING INDEX ${q(name)}${index.attributes}`);
  else demands.constraints.push(`${alter} ${constraint.sql}`);
}

function duplicates(table: ObjectName, { columns, sql }: TableConstraint): RowCheck {
  const present = columns.map((each) => `${q(each)} IS NOT NULL`).join(' AND ');
  const where = /\bnulls\s+not\s+distinct\b/i.test(sql) ? '' : ` WHERE ${present}`;
  return {
    sql: `SELECT FROM ${quoteName(table)}${where} GROUP BY ${columns.map(q).join(', ')} HAVING count(*) > 1`,
    message: `${table.name} has rows with the same ${columns.join(', ')}`,
  };
}

function ofPartitions(table: ObjectName, object: string): string {
  return `${table.name} is partitioned: ${object} is added in one statement, which blocks writes while it runs. dbops migrate plan --fix writes the safe form.`;
}

/** Returns the name that the server gives a constraint (server sources, `ChooseConstraintName`). */
function defaultName({ name }: ObjectName, { kind, columns }: TableConstraint): string {
  const ending = { unique: 'key', 'foreign-key': 'fkey', check: 'check' }[kind as 'unique'];
  return [
    name,
    ...(kind === 'check' ? columns.slice(0, columns.length === 1 ? 1 : 0) : columns),
    ending,
  ].join('_');
}

/** Returns the statements of a rollback that do not concern what moved to `contract`. */
export function withoutMoved(pieces: readonly Piece[], moved: ReadonlySet<string>): string[] {
  return pieces.flatMap((piece) => ('name' in piece && moved.has(piece.name) ? [] : [piece.sql]));
}
