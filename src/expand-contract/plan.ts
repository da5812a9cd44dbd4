import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { Piece, TableConstraint } from '../sql/alter-table.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { triggerNames } from '../backfill/trigger-sql.ts';

/** A migration, cut in two: what can be done before rows are filled, and what only then. Pure. */
export interface Split {
  /** Statements of the first part. */
  expand: string[];
  /** Statements of the second, each to be committed alone. */
  contract: string[];
  /** Undoes the second part. */
  undo: string[];
  /** Columns that need a value in every row. */
  columns: EmptyColumn[];
  /** Names of constraints and indexes, and columns, that are of the second part now. */
  moved: Set<string>;
  /** What is left as it is, and why somebody should look at it. */
  notes: string[];
}

export interface EmptyColumn {
  table: ObjectName;
  name: string;
  /** SQL of a default that is another value in every row. */
  default?: string;
}

/** What the database says about what a migration names. */
export interface Known {
  /** Whether a table is there already, with rows as may be. */
  isThere: (table: ObjectName) => boolean;
  /** Names of volatile functions: a default that calls one rewrites the table. */
  isVolatile: (name: string) => boolean;
}

export function splitMigration(pieces: readonly Piece[], known: Known): Split {
  const split: Split = {
    expand: [],
    contract: [],
    undo: [],
    columns: [],
    moved: new Set(),
    notes: [],
  };
  const demands: Demands = { looks: [], notNull: [], indexes: [], constraints: [] };
  const made = new Set(
    pieces.flatMap((piece) => (piece.kind === 'create-table' ? [quoteName(piece.table)] : [])),
  );
  const isOld = (table: ObjectName) => !made.has(quoteName(table)) && known.isThere(table);
  for (const piece of pieces)
    if (!('table' in piece) || !isOld(piece.table)) split.expand.push(piece.sql);
    else sort(piece, split, demands, known);
  split.contract.push(
    ...(demands.looks.length > 0 ? [lookFirst(demands.looks)] : []),
    ...demands.notNull.flatMap(({ table, name }) => notNull(table, name)),
    ...demands.indexes,
    ...demands.constraints,
    ...split.columns.flatMap(({ table, name }) => withoutTriggers(table, name)),
  );
  return split;
}

/** What the second part demands of the rows, in its order. */
interface Demands {
  looks: { sql: string; message: string }[];
  notNull: { table: ObjectName; name: string }[];
  indexes: string[];
  constraints: string[];
}

type OnTable = Extract<Piece, { table: ObjectName }>;

function sort(piece: OnTable, split: Split, demands: Demands, known: Known): void {
  const { table } = piece;
  if (piece.kind === 'add-column') return addColumn(piece, split, demands, known);
  if (piece.kind === 'set-not-null') return demandNotNull(table, piece.column, split, demands);
  if (piece.kind === 'add-constraint') return addConstraint(piece, split, demands);
  if (piece.kind === 'create-index') {
    const { name, concurrently, isUnique } = piece.index;
    demands.indexes.push(concurrently);
    if (name === undefined) {
      split.notes.push(
        `An index of ${table.name} has no name, so its rollback has to be written by hand.`,
      );
      return;
    }
    split.moved.add(name);
    split.undo.unshift(`DROP INDEX ${quoteName({ ...table, name })}`);
    if (isUnique)
      split.notes.push(`${name}: rows that are not unique make CREATE INDEX fail; look first.`);
    return;
  }
  split.expand.push(piece.sql);
}

function addColumn(
  { table, column, sql }: Extract<Piece, { kind: 'add-column' }>,
  split: Split,
  demands: Demands,
  { isVolatile }: Known,
): void {
  const { name, type, isNotNull, isFilled, constraints } = column;
  const differs = column.default?.functions.some(isVolatile) === true;
  const isEmpty = !isFilled && ((isNotNull && column.default === undefined) || differs);
  if (!isEmpty && constraints.length === 0) return void split.expand.push(sql);
  if (isFilled) {
    split.notes.push(
      `${table.name}.${name} is generated or a key: adding it rewrites the table under its lock.`,
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

function demandNotNull(table: ObjectName, name: string, split: Split, demands: Demands): void {
  demands.notNull.push({ table, name });
  split.moved.add(name);
  split.undo.push(`ALTER TABLE ${quoteName(table)} ALTER COLUMN ${q(name)} DROP NOT NULL`);
  demands.looks.push({
    sql: `SELECT FROM ${quoteName(table)} WHERE ${q(name)} IS NULL`,
    message: `${table.name} has rows without ${name}`,
  });
}

function addConstraint(
  { table, constraint, sql }: Extract<Piece, { kind: 'add-constraint' }>,
  split: Split,
  demands: Demands,
): void {
  const { kind, columns, isOnline, expression } = constraint;
  if (kind === 'other' || kind === 'primary' || kind === 'not-null' || isOnline) {
    if (!isOnline)
      split.notes.push(
        `${table.name}: there is no online way to ${constraint.sql}; it is left as it is.`,
      );
    split.expand.push(sql);
    return;
  }
  const name = constraint.name ?? defaultName(table, constraint);
  const alter = `ALTER TABLE ${quoteName(table)}`;
  split.moved.add(name);
  split.undo.unshift(`${alter} DROP CONSTRAINT ${q(name)}`);
  if (kind === 'unique') {
    demands.looks.push({
      sql: `SELECT FROM ${quoteName(table)} WHERE ${columns.map((each) => `${q(each)} IS NOT NULL`).join(' AND ')} GROUP BY ${columns.map(q).join(', ')} HAVING count(*) > 1`,
      message: `${table.name} has rows with the same ${columns.join(', ')}`,
    });
    const index = constraint.sql.replace(
      /^unique(\s+nulls\s+(?:not\s+)?distinct)?\s*(\([^)]*\))/i,
      '$2$1',
    );
    demands.indexes.push(
      `CREATE UNIQUE INDEX CONCURRENTLY ${q(name)} ON ${quoteName(table)} ${index}`,
      `${alter} ADD CONSTRAINT ${q(name)} UNIQUE USING INDEX ${q(name)}`,
    );
    return;
  }
  if (kind === 'check' && expression !== undefined)
    demands.looks.push({
      sql: `SELECT FROM ${quoteName(table)} WHERE NOT (${expression})`,
      message: `${table.name} has rows that ${name} forbids`,
    });
  demands.constraints.push(
    `${alter} ADD CONSTRAINT ${q(name)} ${constraint.sql} NOT VALID`,
    `${alter} VALIDATE CONSTRAINT ${q(name)}`,
  );
}

/** As the server names a constraint that has no name (server sources, `ChooseConstraintName`). */
function defaultName({ name }: ObjectName, { kind, columns }: TableConstraint): string {
  const ending = { unique: 'key', 'foreign-key': 'fkey', check: 'check' }[kind as 'unique'];
  return [
    name,
    ...(kind === 'check' ? columns.slice(0, columns.length === 1 ? 1 : 0) : columns),
    ending,
  ].join('_');
}

/** A refusal leaves nothing half done, and an old row that a constraint forbids keeps its updates. */
function lookFirst(looks: Demands['looks']): string {
  const tests = looks.map(
    ({ sql, message }) =>
      `  IF EXISTS (${sql}) THEN RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(message)}; END IF;`,
  );
  return `DO $look$ BEGIN\n${tests.join('\n')}\nEND $look$`;
}

/**
 * NOT NULL without a scan under the table's lock: proven first, by a check up to PostgreSQL 17, by
 * its own NOT VALID from 18 on. It comes after the backfill, as it binds every new row version.
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

/** What is left of a rollback, where the second part has one of its own now. */
export function withoutMoved(pieces: readonly Piece[], moved: ReadonlySet<string>): string[] {
  return pieces.flatMap((piece) => ('name' in piece && moved.has(piece.name) ? [] : [piece.sql]));
}
