import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { formatCountOf } from '../../output/number.ts';
import { shellWord } from '../../output/shell.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import { conditionOf, sharedValues, type Violation } from './violating-rows.ts';

/** Returns the violations, one per line: `3 rows of public.purchases have no organization_id`. */
export function describeViolations(violations: readonly Violation[]): string[] {
  return violations.map((violation, at) => (at === 0 ? '' : 'Also: ') + describe(violation));
}

function describe(violation: Violation): string {
  const { demand, found } = violation;
  const table = plain(demand.table);
  if (demand.kind === 'not-null' && demand.type !== undefined)
    return `${rowsOf(violation)} no ${demand.column}: the column is added NOT NULL without a default`;
  if (found.rows === undefined)
    return `${table} has ${about(found.estimate)}; the rows that violate ${subject(violation)} could not be counted in time`;
  if (found.isWholeTable)
    return `${table} has ${formatCountOf(found.rows, 'row')}; some of them violate ${subject(violation)}, which refers to a column that this file adds`;
  return `${counted(violation)}${samples(violation)}`;
}

function counted(violation: Violation): string {
  const { demand, found } = violation;
  const { rows = 0, values = 0 } = found;
  const [of, have] = [`of ${plain(demand.table)}`, rows === 1 ? 'has' : 'have'];
  switch (demand.kind) {
    case 'not-null':
      return `${formatCountOf(rows, 'row')} ${of} ${have} no ${demand.column}`;
    case 'check':
      return `${formatCountOf(rows, 'row')} ${of} ${rows === 1 ? 'violates' : 'violate'} ${subject(violation)}`;
    case 'foreign-key':
      return `${formatCountOf(rows, 'row')} ${of} ${have} a ${demand.columns.join(', ')} that does not exist in ${plain(demand.target)}`;
    case 'unique':
      return `${formatCountOf(rows, 'row')} ${of} share ${formatCountOf(values, 'value')} of ${demand.columns.join(', ')}`;
  }
}

/** Returns the violated constraint, by its name where it has one. */
function subject({ demand }: Violation): string {
  if (demand.kind === 'check')
    return `${demand.name ? `${demand.name}, ` : ''}CHECK (${oneLine(demand.expression)})`;
  if (demand.kind === 'not-null') return `NOT NULL of ${demand.column}`;
  return demand.name ?? `the ${demand.kind.replace('-', ' ')} of ${demand.columns.join(', ')}`;
}

function rowsOf({ demand, found: { rows, estimate } }: Violation): string {
  const number = rows === undefined ? about(estimate) : formatCountOf(rows, 'row');
  return `${number} of ${plain(demand.table)} ${rows === 1 ? 'has' : 'have'}`;
}

function samples({ found }: Violation): string {
  const { samples: some, sampled, rows = 0, values = rows } = found;
  if (some.length === 0) return '';
  const more = values > some.length ? [...some, '…'] : some;
  return ` (${sampled.join(', ')}: ${more.join(sampled.length > 1 ? '; ' : ', ')})`;
}

export interface ViolationContext {
  /** Its name. */
  migration: string;
  /** The command that runs it. */
  again: string;
  /** The file, where `migrate expand-contract` can split it. */
  splittable?: string | undefined;
  /** Returns the backfill that fills a column, if any. */
  backfillOf: (table: string, column: string) => string | undefined;
}

/**
 * Returns what to do about the first violation, with SQL to paste. All columns that are added NOT
 * NULL are listed together: one edit, one backfill and one later migration correct them all.
 */
export function wayOut(
  first: Violation,
  further: readonly Violation[],
  { again, ...place }: ViolationContext,
): string {
  const added = [first, ...further].filter(isAdded);
  if (isAdded(first)) return splitFirst(place, expandAndContract(added, { again, ...place }));
  const { demand, found } = first;
  const sql = [...(found.isWholeTable ? [] : [look(first)]), ...notValid(first)];
  const advice = {
    'not-null': fill(first),
    check:
      'Correct these rows first, or add the constraint NOT VALID, so that it applies to new rows only',
    'foreign-key':
      'Correct these rows first, or add the constraint NOT VALID, so that it applies to new rows only',
    unique: 'Merge, correct or remove the rows that share a value first',
  }[demand.kind];
  const byHand = block(`${advice}, then: ${again}`, sql);
  return demand.kind === 'not-null' ? splitFirst(place, byHand) : byHand;
}

function splitFirst({ splittable }: Pick<ViolationContext, 'splittable'>, byHand: string): string {
  if (splittable === undefined) return byHand;
  return `To split the file into a part that runs now, a backfill and a part that enforces NOT NULL: dbops migrate expand-contract ${shellWord(splittable)}\n    By hand: ${byHand}`;
}

function fill({ demand, found }: Violation): string {
  const column = demand.kind === 'not-null' ? demand.column : '';
  return found.isWholeTable
    ? `Fill ${column} in every row before it becomes NOT NULL, preferably in a separate migration`
    : `Fill ${column} in these rows first`;
}

function isAdded({ demand }: Violation): boolean {
  return demand.kind === 'not-null' && demand.type !== undefined;
}

function expandAndContract(violations: readonly Violation[], place: ViolationContext): string {
  const columns = violations.flatMap(({ demand }) =>
    demand.kind === 'not-null' && demand.type !== undefined
      ? {
          table: demand.table.name,
          sql: quoteName(demand.table),
          column: demand.column,
          type: demand.type,
        }
      : [],
  );
  const fills = columns.map(({ table, sql, column }) => {
    const backfill = place.backfillOf(table, column);
    const name = q(column);
    return backfill
      ? `dbops backfill run ${backfill}`
      : `UPDATE ${sql} SET ${name} = … WHERE ${name} IS NULL;`;
  });
  return block(
    'Add the column without NOT NULL, fill it, and enforce NOT NULL in a later migration (expand, backfill, contract):',
    [
      `-- in ${place.migration}, then: ${place.again}`,
      ...columns.map(
        ({ sql, column, type }) => `ALTER TABLE ${sql} ADD COLUMN ${q(column)} ${type};`,
      ),
      '-- once the application writes it',
      ...new Set(fills),
      '-- in a later migration',
      ...columns.map(
        ({ sql, column }) => `ALTER TABLE ${sql} ALTER COLUMN ${q(column)} SET NOT NULL;`,
      ),
    ],
  );
}

/** Returns SQL that selects the rows. */
function look({ demand }: Violation): string {
  return demand.kind === 'unique'
    ? `${oneLine(sharedValues(demand))};`
    : `SELECT * FROM ${quoteName(demand.table)} WHERE ${oneLine(conditionOf(demand))};`;
}

/** Returns SQL that adds a constraint for new rows now (NOT VALID) and validates old rows later. */
function notValid({ demand }: Violation): string[] {
  const isConstraint = demand.kind === 'check' || demand.kind === 'foreign-key';
  if (!isConstraint || !demand.name || demand.isInCatalog) return [];
  const name = q(demand.name);
  const table = quoteName(demand.table);
  const list = (columns: readonly string[]) => columns.map(q).join(', ');
  const body =
    demand.kind === 'check'
      ? `CHECK (${oneLine(demand.expression)})`
      : `FOREIGN KEY (${list(demand.columns)}) REFERENCES ${quoteName(demand.target)} (${list(demand.targetColumns)})`;
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${body} NOT VALID;`,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}; -- in a later migration`,
  ];
}

function block(sentence: string, lines: readonly string[]): string {
  return [sentence, ...lines.map((line) => `    ${line}`)].join('\n');
}

function plain({ schema, name }: ObjectName): string {
  return schema ? `${schema}.${name}` : name;
}

/** pg_class.reltuples is -1 for a table that was never analysed. */
function about(estimate: number): string {
  return estimate < 0 ? 'an unknown number of rows' : `about ${formatCountOf(estimate, 'row')}`;
}

/** A `--` comment ends at the end of its line. */
function oneLine(sql: string): string {
  return sql.includes('--') ? sql : sql.replaceAll(/\s*\n\s*/g, ' ');
}
