import { quoteLiteral } from '../../db/quote.ts';
import type { AppliedMigration, Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Prospect, RowColumns } from '../format.ts';
import { pendingAmong, textIn } from '../shared/rows.ts';

/** The sort key of a file. */
export interface FileOrder {
  number: number;
  /** The file name with its extension. */
  file: string;
}

/** Compares as `compareMigrationFileNames` does (node-pg-migrate, `utils/comparators`). */
export function compareFiles(a: FileOrder, b: FileOrder): number {
  return a.number - b.number || (collator ??= newCollator()).compare(a.file, b.file);
}

/** Created for the first equal numbers: it takes several milliseconds, and most folders have none. */
let collator: Intl.Collator | undefined;

function newCollator(): Intl.Collator {
  return new Intl.Collator(undefined, {
    usage: 'sort',
    numeric: true,
    sensitivity: 'variant',
    ignorePunctuation: true,
  });
}

/** Returns the number of a file; 17 digits are a UTC date with milliseconds. */
export function numberOf(file: string): number {
  const prefix = /^\d+/.exec(file)?.[0] ?? '';
  if (prefix.length !== 17) return Number(prefix);
  const date = prefix.replace(/(....)(..)(..)(..)(..)(..)(...)/, '$1-$2-$3T$4:$5:$6.$7Z');
  return new Date(date).valueOf();
}

/**
 * Reports the first position where the recorded order differs from the folder's, at which the tool's
 * `checkOrder` stops.
 *
 * @param table in SQL
 */
export function findingsOfRecordedOrder(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
  table: string,
): Finding[] {
  const at = applied.findIndex(({ name }, index) => {
    const expected = migrations[index];
    return expected !== undefined && expected.name !== name;
  });
  const run = applied[at]?.name;
  const file = migrations[at]?.name;
  if (run === undefined || file === undefined) return [];
  const names = applied.map(({ name }) => name);
  const says = `"Not run migration ${file} is preceding already run migration ${run}"`;
  if (names.indexOf(run) < at) return [recordedTwice(run, table)];
  if (!migrations.some(({ name }) => name === run)) return []; // the missing file is the finding
  return [
    names.includes(file)
      ? recordedInAnotherOrder({ file, run, says, table })
      : tooOld(file, run, says),
  ];
}

function tooOld(file: string, run: string, says: string): Finding {
  return {
    code: 'out-of-order',
    severity: 'error',
    message: `${file} is pending and older than ${run}, which is applied: node-pg-migrate stops with ${says}.`,
    help: `Give ${file} a newer number, or apply it with dbops migrate up --allow-out-of-order and run node-pg-migrate with --no-check-order from then on.`,
    where: { object: file },
    key: `out-of-order:${file}`,
  };
}

interface Disorder {
  file: string;
  run: string;
  /** The tool's own message. */
  says: string;
  /** In SQL. */
  table: string;
}

function recordedInAnotherOrder({ file, run, says, table }: Disorder): Finding {
  return {
    code: 'recorded-order',
    severity: 'error',
    message: `${run} is recorded before ${file}, but comes after it in the folder: node-pg-migrate stops with ${says}.`,
    help: `If the two do not depend on each other, change the recorded order: UPDATE ${table} SET run_on = (SELECT run_on - interval '1 microsecond' FROM ${table} WHERE name = ${quoteLiteral(run)}) WHERE name = ${quoteLiteral(file)}`,
    where: { object: file },
    key: `recorded-order:${file}`,
  };
}

function recordedTwice(name: string, table: string): Finding {
  return {
    code: 'recorded-twice',
    severity: 'error',
    message: `${name} is recorded more than once: node-pg-migrate treats the second row as another migration and stops.`,
    help: `Delete all but its first row: DELETE FROM ${table} WHERE name = ${quoteLiteral(name)} AND id > (SELECT min(id) FROM ${table} WHERE name = ${quoteLiteral(name)})`,
    where: { object: name },
    key: `recorded-twice:${name}`,
  };
}

/** As `checkOrder`: the rows, by time and id, must equal the first names of the folder. */
export function next(rows: readonly RowColumns[], migrations: readonly Migration[]): Prospect {
  const timeOf = (row: RowColumns) => textIn(row, 'run_on') ?? '';
  const run = rows
    .toSorted(
      (a, b) => (timeOf(a) < timeOf(b) ? -1 : Number(timeOf(a) > timeOf(b))) || idOf(a) - idOf(b),
    )
    .map((row) => textIn(row, 'name') ?? '');
  const at = run.findIndex((name, index) => name !== migrations[index]?.name);
  if (at >= 0)
    return {
      stops: `Not run migration ${migrations[at]?.name ?? '(none)'} is preceding already run migration ${run[at]}`,
    };
  return { runs: pendingAmong(migrations, new Set(run)) };
}

function idOf(row: RowColumns): number {
  return Number(row['id']);
}

/** Returns SQL that makes the times ascend by at least a microsecond, keeping times that do. */
export function arrange(table: string, names: readonly string[]): string {
  const places = names.map((name, place) => `(${quoteLiteral(name)}, ${place})`);
  return `UPDATE ${table} m SET run_on = free
  FROM (SELECT id, run_on AS had, place * interval '1 us'
      + max(run_on - place * interval '1 us') OVER (ORDER BY place) AS free
    FROM ${table} JOIN (VALUES ${places.join(', ')}) folder(name, place) USING (name)) risen
  WHERE risen.id = m.id AND free > had`;
}
