import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { Piece, TableConstraint } from '../sql/alter-table.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { triggerNames } from '../backfill/trigger-sql.ts';

/** A migration split in two: what runs before the backfill (expand) and after it (contract). */
export interface Split {
  /** Statements that run before the backfill. */
  expand: string[];
  /** Statements that run after it, each in its own transaction. */
  contract: string[];
  /** Statements that roll back `contract`. */
  undo: string[];
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
}

/** What the database already has of the objects that a migration names. */
export interface ExistingSchema {
  /** Whether a table exists, and so may have rows. */
  hasTable: (table: ObjectName) => boolean;
  /** Whether a function is volatile: a default that calls it rewrites the table. */
  isVolatile: (name: string) => boolean;
}

/** Splits the statements of a migration. Tables that it creates itself have no rows to fill. */
export function splitMigration(pieces: readonly Piece[], existing: ExistingSchema): Split {
  const split: Split = {
    expand: [],
    contract: [],
    undo: [],
    columns: [],
    moved: new Set(),
    notes: [],
  };
  const demands: ContractParts = { checks: [], notNull: [], indexes: [], constraints: [] };
  const created = new Set(
    pieces.flatMap((piece) => (piece.kind === 'create-table' ? [quoteName(piece.table)] : [])),
  );
  const mayHaveRows = (table: ObjectName) =>
    !created.has(quoteName(table)) && existing.hasTable(table);
  for (const piece of pieces)
    if (!('table' in piece) || !mayHaveRows(piece.table)) split.expand.push(piece.sql);
    else sort(piece, split, demands, existing);
  split.contract.push(
    ...(demands.checks.length > 0 ? [checkRowsFirst(demands.checks)] : []),
    ...demands.notNull.flatMap(({ table, name }) => notNull(table, name)),
    ...demands.indexes,
    ...demands.constraints,
    ...split.columns.flatMap(({ table, name }) => withoutTriggers(table, name)),
  );
  return split;
}

/** The parts of `contract`, in the order in which they run. */
interface ContractParts {
  checks: { sql: string; message: string }[];
  notNull: { table: ObjectName; name: string }[];
  indexes: string[];
  constraints: string[];
}

type OnTable = Extract<Piece, { table: ObjectName }>;

function sort(
  piece: OnTable,
  split: Split,
  demands: ContractParts,
  existing: ExistingSchema,
): void {
  const { table } = piece;
  if (piece.kind === 'add-column') return addColumn(piece, split, demands, existing);
  if (piece.kind === 'set-not-null') return setNotNull(table, piece.column, split, demands);
  if (piece.kind === 'add-constraint') return addConstraint(piece, split, demands);
  if (piece.kind === 'create-index') {
    const { name, concurrently, isUnique } = piece.index;
    demands.indexes.push(concurrently);
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

function addColumn(
  { table, column, sql }: Extract<Piece, { kind: 'add-column' }>,
  split: Split,
  demands: ContractParts,
  { isVolatile }: ExistingSchema,
): void {
  const { name, type, isNotNull, isFilled, constraints } = column;
  const differs = column.default?.functions.some(isVolatile) === true;
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
  for (const constraint of constraints)
    addConstraint({ kind: 'add-constraint', sql: '', table, constraint }, split, demands);
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

function addConstraint(
  { table, constraint, sql }: Extract<Piece, { kind: 'add-constraint' }>,
  split: Split,
  demands: ContractParts,
): void {
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
function addUnique(
  table: ObjectName,
  name: string,
  { columns, sql }: TableConstraint,
  demands: ContractParts,
): void {
  const quoted = quoteName(table);
  const present = columns.map((each) => `${q(each)} IS NOT NULL`).join(' AND ');
  demands.checks.push({
    sql: `SELECT FROM ${quoted} WHERE ${present} GROUP BY ${columns.map(q).join(', ')} HAVING count(*) > 1`,
    message: `${table.name} has rows with the same ${columns.join(', ')}`,
  });
  const index = sql.replace(/^unique(\s+nulls\s+(?:not\s+)?distinct)?\s*(\([^)]*\))/i, '$2$1');
  demands.indexes.push(
    `CREATE UNIQUE INDEX CONCURRENTLY ${q(name)} ON ${quoted} ${index}`,
    `ALTER TABLE ${quoted} ADD CONSTRAINT ${q(name)} UNIQUE USING INDEX ${q(name)}`,
  );
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

/** Returns a statement that fails on violating rows before any constraint is added. */
function checkRowsFirst(checks: ContractParts['checks']): string {
  const tests = checks.map(
    ({ sql, message }) =>
      `  IF EXISTS (${sql}) THEN RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(message)}; END IF;`,
  );
  return `DO $look$ BEGIN\n${tests.join('\n')}\nEND $look$`;
}

/**
 * Returns statements that set NOT NULL without scanning under an ACCESS EXCLUSIVE lock: a CHECK (up to
 * PostgreSQL 17) or NOT NULL NOT VALID (from 18 on) is validated first. They run after the backfill,
 * because NOT VALID constraints apply to every new row version.
 */
function notNull(table: ObjectName, column: string): string[] {
  const alter = `ALTER TABLE ${quoteName(table)}`;
  const name = q(`${table.name}_${column}_not_null`);
  const has18 = `current_setting('server_version_num')::int >= 180000`;
  const execute = (sql: string) => `EXECUTE ${quoteLiteral(sql)};`;
  return [
    [
      'DO $not_null$ BEGIN',
      `  IF ${has18} THEN ${execute(`${alter} ADD CONSTRAINT ${name} NOT NULL ${q(column)} NOT VALID`)}`,
      `  ELSE ${execute(`${alter} ADD CONSTRAINT ${name} CHECK (${q(column)} IS NOT NULL) NOT VALID`)}`,
      '  END IF;',
      'END $not_null$',
    ].join('\n'),
    `${alter} VALIDATE CONSTRAINT ${name}`,
    `${alter} ALTER COLUMN ${q(column)} SET NOT NULL`,
    [
      'DO $not_null$ BEGIN',
      `  IF NOT ${has18} THEN ${execute(`${alter} DROP CONSTRAINT ${name}`)} END IF;`,
      'END $not_null$',
    ].join('\n'),
  ];
}

function withoutTriggers(table: ObjectName, column: string): string[] {
  const { fill, move } = triggerNames(column);
  return [fill, move].map((name) => `DROP TRIGGER IF EXISTS ${q(name)} ON ${quoteName(table)}`);
}

/** Returns the statements of a rollback that do not concern what moved to `contract`. */
export function withoutMoved(pieces: readonly Piece[], moved: ReadonlySet<string>): string[] {
  return pieces.flatMap((piece) => ('name' in piece && moved.has(piece.name) ? [] : [piece.sql]));
}
