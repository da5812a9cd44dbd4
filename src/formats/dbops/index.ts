import { dirname, join } from 'node:path';
import { ensureOwnSchema } from '../../db/own-schema.ts';
import { quoteLiteral } from '../../db/quote.ts';
import type { Migration, Script } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Format, Tracking } from '../format.ts';
import { mentions } from '../shared/module-files.ts';
import { commentOf, emptyKyselyModule, prefixAfter, slugOf } from '../shared/new-migration.ts';
import { namesIn, parseRows, pendingAmong, textIn, type ColumnTypes } from '../shared/rows.ts';
import { FileMigration, hashOf, lazyScript, sqlScript } from '../shared/script.ts';
import { readInAnyEncoding } from '../../text-file.ts';

/** `0001_name.up.sql`, and modules with Kysely's `up(db)` and `down(db)`. */
const fileName = /^(\d+_.+)(?:\.up\.sql|(?<!\.d)\.m?[tj]s)$/s;

/** Returns `0001_name` of a migration's file; undefined for any other file. */
function nameOf(file: string): string | undefined {
  return fileName.exec(file)?.[1];
}

const tracking: Tracking = {
  table: 'dbops.migrations',
  tables: ['dbops.migrations'],
  create: `${ensureOwnSchema}
    CREATE TABLE IF NOT EXISTS dbops.migrations (
      name text CONSTRAINT migrations_pkey PRIMARY KEY,
      hash text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      applied_by text NOT NULL DEFAULT current_user,
      duration_ms integer NOT NULL DEFAULT 1000 * extract(epoch FROM clock_timestamp() - now()))`,
  select: `SELECT name, hash, 1000 * extract(epoch FROM applied_at)::float8 AS applied_ms
    FROM dbops.migrations ORDER BY applied_at, name`,
  toApplied: (rows) => ({
    applied: parseRows(dbopsRow, rows).map(({ name, hash: recorded, applied_ms }) => ({
      name,
      hash: recorded,
      appliedAt: new Date(applied_ms),
    })),
    findings: [],
  }),
  record: ({ name, hash: recorded }) =>
    `INSERT INTO dbops.migrations (name, hash) VALUES (${quoteLiteral(name)}, ${quoteLiteral(recorded)})`,
  erase: ({ name }) => `DELETE FROM dbops.migrations WHERE name = ${quoteLiteral(name)}`,
  rows: {
    table: 'dbops.migrations',
    key: ['name'],
    knownBy: ['name'],
    columnsOf: ({ name, hash: ofFile }) => ({ name, hash: ofFile }),
    contentOf: (row) => textIn(row, 'hash'),
    command: 'dbops migrate up',
    next(rows, migrations) {
      const recorded = namesIn(rows, 'name');
      const last = migrations.findLastIndex(({ name }) => recorded.has(name));
      const late = migrations.slice(0, last).find(({ name }) => !recorded.has(name));
      if (late) return { stops: `${late.name} is pending and older than an applied migration` };
      return { runs: pendingAmong(migrations, recorded) };
    },
  },
};

const dbopsRow = {
  name: 'string',
  hash: 'string',
  applied_ms: 'number',
} as const satisfies ColumnTypes;

/**
 * The dbops format: `NNNN_name.up.sql` with `NNNN_name.down.sql`, and Kysely modules, ordered by
 * number; tracked in `dbops.migrations` by name and hash.
 */
export const dbops: Format = {
  name: 'dbops',
  columns: [['name', 'hash', 'applied_at', 'applied_by', 'duration_ms']],
  matches: (_, names) => names.some((file) => nameOf(file) !== undefined),
  read(directory, names) {
    const found: FoundFile[] = [];
    const others: string[] = [];
    for (const file of names) {
      const name = nameOf(file);
      if (name) found.push({ file, name, number: Number.parseInt(file, 10) });
      else others.push(file);
    }
    const beside = new Set(others);
    const migrations = found
      .toSorted((a, b) => a.number - b.number || (a.file < b.file ? -1 : 1))
      .map((each) => readMigration(directory, each, beside));
    return { migrations, findings: strangersAmong(directory, others), tracking };
  },
  hashOf,
  async loadModule(file, direction) {
    const { loadKyselyModule } = await import('../shared/kysely-module.ts');
    return loadKyselyModule(file, direction);
  },
  needsDirective: true,
  downFile: ({ name, up }) => join(dirname(up.file), `${name}.down.sql`),
  squash: async () => (await import('../shared/squashed.ts')).pairs,
  newFiles({ migrations, title, now, module }) {
    const number = prefixAfter(migrations.at(-1)?.name, now, () => '0001');
    const stem = `${number}_${slugOf(title)}`;
    if (module) return { [`${stem}.ts`]: emptyKyselyModule() };
    return {
      [`${stem}.up.sql`]: commentOf(title),
      [`${stem}.down.sql`]: commentOf(`undoes: ${title}`),
    };
  },
};

/** Reports files that look like migrations, but have another name. */
function strangersAmong(directory: string, others: readonly string[]): Finding[] {
  return others
    .filter((file) => looksLikeMigration(directory, file))
    .map((file) => ({
      code: 'unknown-file',
      severity: 'warning',
      message: `${file} is never applied: migrations are named NNNN_name.up.sql or NNNN_name.ts.`,
      help: 'Rename it, for example to 0001_name.up.sql, or move it out of the folder. For the folder of another tool, pass --format NAME.',
      where: { object: file },
      key: `unknown-file:${file}`,
    }));
}

function looksLikeMigration(directory: string, file: string): boolean {
  if (file.endsWith('.sql')) return !(file.endsWith('.down.sql') && /^\d+_./.test(file));
  if (!/\.[cm]?[jt]s$/.test(file) || /\.d\.[cm]?ts$/.test(file)) return false;
  return mentions(readInAnyEncoding(`${directory}/${file}`), 'up');
}

interface FoundFile {
  file: string;
  /** `0001_name`. */
  name: string;
  number: number;
}

/** @param beside the names of the files that are no migrations */
function readMigration(
  directory: string,
  { file, name, number }: FoundFile,
  beside: ReadonlySet<string>,
): Migration {
  const path = `${directory}/${file}`; // path.join takes as long as reading the file
  const source = readInAnyEncoding(path);
  const version = String(number);
  if (!file.endsWith('.sql')) {
    const script: Script = { kind: 'module', file: path, source };
    return new FileMigration({ name, version, source, up: script, down: script });
  }
  const up = sqlScript(path, source);
  const downFile = `${name}.down.sql`;
  const down = beside.has(downFile) ? lazyScript(`${directory}/${downFile}`) : undefined;
  return new FileMigration({ name, version, source, up, down });
}
