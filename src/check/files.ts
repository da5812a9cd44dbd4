import { relative } from 'node:path';
import { DbopsError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { findingsOf } from '../formats/open-folder.ts';
import type { Direction, Migration, SqlScript } from '../migration.ts';
import type { Finding } from '../report.ts';
import { readDirectives } from '../sql/directives.ts';
import { showPlace } from '../sql/error-position.ts';
import { executionOf } from '../sql/execution.ts';
import { lineOf, parse, SqlSyntaxError } from '../sql/statements.ts';

/** Returns findings on the files of a folder, without running them. */
export async function findingsOfFiles(folder: Folder): Promise<Finding[]> {
  const known = findingsOf(folder);
  const findings = [...known, ...findDuplicates(folder)];
  for (const migration of folder.migrations)
    for (const direction of ['up', 'down'] as const)
      findings.push(...(await findInvalid({ ...folder, findings: known }, migration, direction)));
  return findings;
}

function findDuplicates({ migrations }: Folder): Finding[] {
  const numbered = migrations.filter(({ version }) => version !== undefined);
  const byVersion = Map.groupBy(numbered, ({ version }) => version);
  return [...byVersion.values()].flatMap((twins) => {
    const names = twins.map(({ name }) => name);
    return names.length < 2
      ? []
      : names.map((name) => ({
          code: 'duplicate',
          severity: 'error' as const,
          message: `${name} has the same number as ${names.filter((each) => each !== name).join(', ')}, so their order is ambiguous.`,
          help: 'Rename the newer one to the next free number.',
          where: { object: name },
          key: `duplicate:${name}`,
        }));
  });
}

/** Files that cannot be read are findings of the folder already. */
async function findInvalid(
  { format, findings }: Folder,
  migration: Migration,
  direction: Direction,
): Promise<Finding[]> {
  const script = migration[direction];
  const isKnown = findings.some(({ where }) => where.object === migration.name);
  if (!script || script.kind === 'module' || migration.isMissing || isKnown) return [];
  try {
    const { sql: source } = script;
    const directives = readDirectives(source, migration.name);
    const file = { name: migration.name, script, directives };
    const { sql } = await executionOf(file, format, connection);
    await parse(sql);
    return [];
  } catch (error) {
    const lines = reasonOf(error, script);
    if (!lines) throw error;
    const finding = invalid(migration.name, script.file, direction, lines);
    const line = error instanceof SqlSyntaxError ? lineOf(script.sql, error.offset) : 1;
    return [{ ...finding, where: { ...finding.where, file: script.file, line } }];
  }
}

/** Placeholders for the names of a connection get names of this kind. */
const connection = { database: 'database', user: 'user' };

function reasonOf(error: unknown, { file, sql }: SqlScript): string[] | undefined {
  if (error instanceof SqlSyntaxError)
    return [`${error.message}.`, ...showPlace(file, sql, error.offset)];
  return error instanceof DbopsError ? [error.message, ...error.reason] : undefined;
}

function invalid(name: string, file: string, direction: Direction, lines: string[]): Finding {
  return {
    code: 'invalid-file',
    severity: 'error',
    message: `${relative(process.cwd(), file)} cannot run: ${lines.join('\n')}`,
    help: 'Correct the file.',
    where: { object: name },
    key: `invalid-file:${name}${direction === 'down' ? ' (down)' : ''}`,
  };
}
