import { resolve } from 'node:path';
import { readSqlFile, sqlFilesIn, type SqlFile } from '../declared/sql-file.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { formatCountOf } from '../output/number.ts';
import { issueLines } from '../output/issues.ts';
import { checkName, dataCheckSchema, type DataCheck } from './declaration.ts';
import { isReserved } from './select-checks.ts';

/** A check of one's own, wherever it is declared. */
export interface NamedCheck extends Omit<DataCheck, 'sql' | 'file'> {
  name: string;
  sql: string;
  /** Such as `checks.one-wallet` or `verify/one-wallet.sql`. */
  place: string;
}

/** The checks that a project declares. */
export interface DeclaredChecks {
  checks: NamedCheck[];
  /** Files in `verify` without the header of a check. */
  others: string[];
}

/** The folder beside the configuration whose files are checks. */
const checksFolder = 'verify';

/**
 * Returns the checks of the configuration, then those of `verify/*.sql` beside it.
 *
 * @param root the folder of the configuration
 * @throws usage error that lists every problem
 */
export function dataChecksOf(
  root: string,
  declared: Readonly<Record<string, DataCheck>> = {},
): DeclaredChecks {
  const problems: string[] = [];
  const configured = Object.entries(declared).map(([name, { sql, file, ...rest }]) => {
    const written = sql ?? readSqlFile(root, resolve(root, file ?? '')).sql;
    return { ...rest, name, sql: written, place: `checks.${name}` };
  });
  const configuredFiles = new Set(
    Object.values(declared).flatMap(({ file }) => (file ? [resolve(root, file)] : [])),
  );
  const files = sqlFilesIn(root, checksFolder).filter(({ path }) => !configuredFiles.has(path));
  const isCheck = ({ header }: SqlFile) => header.some(({ word }) => word === 'severity');
  const fromFiles = files.filter(isCheck).flatMap((file) => checkOf(file, problems));
  const checks = [...configured, ...fromFiles];
  problems.push(...nameProblems(checks));
  if (problems.length > 0)
    throw usageError(
      'CHECKS.INVALID',
      'Invalid data checks.',
      'Correct them; docs/verify.md#data-checks describes a check and its header.',
      problems,
    );
  return { checks, others: files.filter((file) => !isCheck(file)).map(({ place }) => place) };
}

function checkOf({ name, place, sql, header }: SqlFile, problems: string[]): NamedCheck[] {
  const declared: Record<string, unknown> = { sql };
  for (const { word, name: second, text } of header) {
    if (word in declared || second) problems.push(`${place}: -- ${word}: is given twice`);
    declared[word] = word === 'key' ? text.split(',').map((column) => column.trim()) : text;
  }
  const parsed = dataCheckSchema.safeParse(declared);
  const named = checkName.safeParse(name);
  if (parsed.success && named.success) {
    const { sql: _, file: __, ...rest } = parsed.data;
    return [{ ...rest, name, sql, place }];
  }
  const errors = [parsed.error, named.error].flatMap((error) => (error ? [error] : []));
  problems.push(...errors.flatMap((error) => issueLines(error).map((line) => `${place}: ${line}`)));
  return [];
}

function nameProblems(checks: readonly NamedCheck[]): string[] {
  const places = Map.groupBy(checks, ({ name }) => name);
  return [...places].flatMap(([name, found]) => [
    ...(isReserved(name)
      ? [`${found[0]?.place}: the name ${name} belongs to a check of dbops`]
      : []),
    ...(found.length > 1
      ? [`${name} is declared twice: ${found.map(({ place }) => place).join(', ')}`]
      : []),
  ]);
}

/** Returns the checks whose migration is applied. */
export function dueOf<Declared extends { since?: string | undefined }>(
  checks: readonly Declared[],
  applied: ReadonlySet<string>,
): Declared[] {
  return checks.filter(({ since }) => since === undefined || applied.has(since));
}

/** What `verify` says of the data checks, or of the probes. */
export interface DataScope {
  /** Checks that are declared, and findings that other declarations imply. */
  declared: number;
  run: number;
  /** Checks that were not run, because their migration is not applied. */
  waiting: { name: string; since: string }[];
}

/** @param codes of everything that could find something in the data */
export function dataScope(
  checks: readonly { name: string; since?: string | undefined }[],
  codes: readonly string[],
  applied: readonly Pick<Migration, 'name'>[],
): DataScope {
  const names = new Set(applied.map(({ name }) => name));
  const due = dueOf(checks, names);
  const waiting = checks.flatMap(({ name, since }) =>
    since === undefined || names.has(since) ? [] : [{ name, since }],
  );
  return { declared: codes.length, run: codes.length - checks.length + due.length, waiting };
}

/**
 * Returns remarks on the declarations of checks.
 *
 * @param project absent in a project without migrations, in which no check with `since` is run
 * @throws usage error for a check since a migration that the folder lacks: it would never run
 */
export function remarksOn(
  { checks, others }: DeclaredChecks,
  folder: Pick<Folder, 'migrations'> | undefined,
): string[] {
  if (folder) assertSince(checks, folder);
  const [first, ...more] = others;
  if (first === undefined) return [];
  return [
    more.length === 0
      ? `${first} is not a check: it has no line -- severity: error`
      : `${first} and ${formatCountOf(more.length, 'more file')} are not checks: they have no line -- severity: error`,
  ];
}

/** @throws usage error for what is declared since a migration that the folder lacks: it would never run */
export function assertSince(
  declared: readonly { place: string; since?: string | undefined }[],
  { migrations }: Pick<Folder, 'migrations'>,
): void {
  const names = new Set(migrations.map(({ name }) => name));
  const unknown = declared.filter(({ since }) => since !== undefined && !names.has(since));
  if (unknown.length > 0)
    throw usageError(
      'CHECKS.INVALID',
      'Checks are declared since migrations that the folder lacks; they would never run.',
      'Correct since: it is the name of a migration, as dbops migrate status lists it.',
      unknown.map(({ place, since }) => `${place}: since: ${since}`),
    );
}
