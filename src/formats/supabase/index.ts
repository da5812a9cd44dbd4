import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Format } from '../format.ts';
import { commentOf, datedNameAfter, assertSqlOnly } from '../shared/new-migration.ts';
import { FileMigration, type FileForm, sqlScript } from '../shared/script.ts';
import { supabasePlatform } from './platform.ts';
import { hashOf, supabaseTracking } from './tracking.ts';
import { readInAnyEncoding } from '../../text-file.ts';

const pattern = /^(\d+)_.*\.sql$/;

/**
 * The Supabase CLI: `supabase/migrations/<digits>_<name>.sql`, in the order of the digits, which
 * it compares as text (supabase, `apps/cli-go/pkg/migration/{list,file}.go`, and its TypeScript
 * since 3.0). It has no rollbacks: a `….down.sql` is another migration.
 */
export const supabase: Format = {
  name: 'supabase',
  columns: [
    ['version'],
    ['version', 'statements', 'name'],
    ['version', 'statements', 'name', 'created_by', 'idempotency_key'],
    ['version', 'statements', 'name', 'created_by', 'idempotency_key', 'rollback'],
  ],
  platform: supabasePlatform,
  matches(directory, names) {
    const path = resolve(directory);
    if (basename(dirname(path)) !== 'supabase') return false;
    if (basename(path) !== 'migrations' && !existsSync(`${dirname(path)}/config.toml`))
      return false;
    return names.some((name) => pattern.test(name));
  },
  read(directory, names) {
    const sorted = names.toSorted();
    const files = sorted.filter((file) => file.endsWith('.sql'));
    const isSkipped = (file: string) => !pattern.test(file) || isOldInit(file, sorted);
    return {
      migrations: files
        .filter((file) => !isSkipped(file))
        .map((file) => toMigration(directory, file))
        .toSorted(byVersion),
      findings: files.filter(isSkipped).map(skipped),
      tracking: supabaseTracking,
    };
  },
  hashOf,
  squash: async () => (await import('../shared/squashed.ts')).singleFiles,
  newFiles(request) {
    assertSqlOnly(request, 'Supabase');
    return { [`${datedNameAfter(request)}.sql`]: commentOf(request.title) };
  },
};

/** Returns whether a file is the first of a folder and was created by the CLI of 2021 from the existing schema. */
function isOldInit(file: string, sorted: readonly string[]): boolean {
  const day = /^(\d{8})\d{6}_init\.sql$/.exec(file)?.[1];
  return day !== undefined && day < '20211209' && file === sorted[0];
}

function byVersion({ version: a = '' }: Migration, { version: b = '' }: Migration): number {
  return a < b ? -1 : Number(a > b);
}

function toMigration(directory: string, file: string): Migration {
  const path = `${directory}/${file}`;
  const up = sqlScript(path, readInAnyEncoding(path));
  if (/^-- pg-delta: transaction=false\r?(?:\n|$)/.test(up.sql)) up.noTransaction = true;
  const name = file.slice(0, -'.sql'.length);
  const version = name.slice(0, name.indexOf('_'));
  return new FileMigration({ name, version, source: up.sql, up }, form);
}

const form: FileForm = { hashOf };

function skipped(file: string): Finding {
  const isInit = pattern.test(file);
  return {
    code: 'skipped-file',
    severity: 'warning',
    message: `${file} is never applied: ${isInit ? 'the Supabase CLI skips an init.sql created in 2021' : 'its name is not <digits>_<name>.sql'}.`,
    help: isInit
      ? `To apply it, rename it, for example to ${file.replace('_init', '_initial')}.`
      : 'Rename it, for example to 20250131093000_name.sql, or move it out of the folder.',
    where: { object: file },
    key: `skipped-file:${file}`,
  };
}
