import type { BackfillTarget } from '../backfill/definition.ts';
import { parseTarget } from '../backfill/parse-target.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { shellWord } from '../output/shell.ts';
import { plainName, readPlacedAssignment } from '../sql/expression.ts';
import {
  backfillNameOf,
  deriveTarget,
  plainTable,
  targetOfValue,
  type DerivedTarget,
} from './derive.ts';
import { fillFew } from './fill-few.ts';
import type { EmptyColumn } from './plan.ts';

/** What fills the columns of a migration. */
export interface Fills {
  /** The targets by the name of their backfill: one for each column name. */
  backfills: ReadonlyMap<string, BackfillTarget[]>;
  values: FilledValue[];
  /** Statements that fill the rows where they are few; those of copied columns are left out. */
  fills: string[];
  /** Existing columns for which no value is known. */
  unfilled: EmptyColumn[];
}

/** The value that existing rows get. */
export interface FilledValue {
  table: string;
  /** `COLUMN = EXPRESSION` */
  set: string;
  /** Where the expression comes from. */
  origin: string;
}

/**
 * Returns what fills the columns.
 *
 * @param assignments `TABLE.COLUMN = EXPRESSION`, for columns whose value cannot be derived
 * @throws usage error for a new column without a value
 */
export async function backfillsFor(
  session: Session,
  columns: readonly EmptyColumn[],
  assignments: readonly string[],
): Promise<Fills> {
  const given = await readAssignments(assignments, columns);
  const backfills = new Map<string, BackfillTarget[]>();
  const values: FilledValue[] = [];
  const fills: string[] = [];
  const unknown: EmptyColumn[] = [];
  for (const column of columns) {
    const found = await targetOf(session, column, given.get(column));
    if (!found) {
      unknown.push(column);
      continue;
    }
    const { target, origin } = found;
    const backfill = backfillNameOf(column.name);
    await assertReadBack(target, backfill, column);
    backfills.set(backfill, [...(backfills.get(backfill) ?? []), target]);
    values.push({ table: target.table, set: target.set, origin });
    if (!column.copied)
      fills.push(fillFew({ ...target, done: target.done ?? (await doneOf(column)) }));
  }
  const needed = unknown.filter(({ isExisting }) => !isExisting);
  if (needed.length > 0) throw withoutValue(await namesOf(needed));
  return { backfills, values, fills, unfilled: unknown };
}

/** The source of the values may have a column of that name too. */
async function doneOf({ table, name }: EmptyColumn): Promise<string> {
  return `${await plainName(table.name)}.${await plainName(name)} IS NOT NULL`;
}

async function targetOf(
  session: Session,
  column: EmptyColumn,
  value: string | undefined,
): Promise<DerivedTarget | undefined> {
  if (column.copied) {
    const { value: copy, where, origin } = column.copied;
    const { table, set, done } = await targetOfValue(column.table, column.name, copy);
    return { target: { table, set, where, done }, origin };
  }
  if (value === undefined) return deriveTarget(session, column);
  return { target: await targetOfValue(column.table, column.name, value), origin: '--set' };
}

function withoutValue(names: readonly string[]) {
  return usageError(
    'EXPAND.NO_VALUE',
    `No value given for existing rows in ${names.length === 1 ? 'a new column' : `${names.length} new columns`}; no file was written.`,
    'Provide an expression for each column, such as (SELECT …) or a literal, and run the command again.',
    names.map((name) => `--set ${shellWord(`${name} = EXPRESSION`)}`),
  );
}

/**
 * Returns SQL of the values that are given for columns.
 *
 * @throws usage error for text that is not `TABLE.COLUMN = EXPRESSION`, or names another column
 */
async function readAssignments(
  assignments: readonly string[],
  columns: readonly EmptyColumn[],
): Promise<Map<EmptyColumn, string>> {
  const given = new Map<EmptyColumn, string>();
  for (const each of assignments) {
    const { schema, table, column, value } = await readPlacedAssignment(each, '--set');
    const found = columns.find(
      (one) =>
        one.name === column &&
        one.table.name === table &&
        (schema === undefined || schema === one.table.schema),
    );
    if (!found) throw notToFill(each, await namesOf(columns));
    given.set(found, value);
  }
  return given;
}

function notToFill(assignment: string, names: readonly string[]) {
  return usageError(
    'EXPAND.SET',
    `--set names no column that the migration adds without a value: ${assignment}`,
    names.length === 0
      ? 'The migration adds no such column; run the command without --set.'
      : `Name one of these; names with capital letters need quotes: ${names.join(', ')}`,
  );
}

/** Returns columns as `TABLE.COLUMN`, as people write them. */
export function namesOf(columns: readonly EmptyColumn[]): Promise<string[]> {
  return Promise.all(
    columns.map(async ({ table, name }) => `${await plainTable(table)}.${await plainName(name)}`),
  );
}

/** A definition that reads back as another table or column would fail once the expand part is applied. */
async function assertReadBack(
  target: BackfillTarget,
  backfill: string,
  { table, name }: EmptyColumn,
): Promise<void> {
  const { table: place, column } = await parseTarget(target, backfill);
  if (place.name !== table.name || place.schema !== table.schema || column !== name)
    throw new Error(`${target.table}.${target.set} does not read back as ${table.name}.${name}`);
}
