import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { quoteLiteral } from '../../db/quote.ts';
import type { Finding } from '../../report.ts';
import type { Format, Tracking } from '../format.ts';
import { CommittedMigration, numberOf, parseCommitted } from './committed.ts';
import { readGmrc, type Gmrc } from './gmrc.ts';
import { namesIn, parseRows, textIn, type ColumnTypes } from '../shared/rows.ts';
import { isBlank } from '../shared/section.ts';
import { listDirectory, readInAnyEncoding } from '../../text-file.ts';

const tracking: Tracking = {
  table: 'graphile_migrate.migrations',
  tables: ['graphile_migrate.migrations', 'graphile_migrate.current'],
  create: `CREATE SCHEMA IF NOT EXISTS graphile_migrate;
    CREATE TABLE IF NOT EXISTS graphile_migrate.migrations (
      hash text PRIMARY KEY,
      previous_hash text REFERENCES graphile_migrate.migrations,
      filename text NOT NULL,
      date timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE IF NOT EXISTS graphile_migrate.current (
      filename text PRIMARY KEY DEFAULT 'current.sql',
      content text NOT NULL,
      date timestamptz NOT NULL DEFAULT now()
    )`,
  select: `SELECT filename, hash, 1000 * extract(epoch FROM date)::float8 AS date_ms
    FROM graphile_migrate.migrations ORDER BY filename`,
  toApplied(rows, migrations) {
    const names = new Map(migrations.toReversed().map(({ name }) => [numberOf(name), name]));
    const applied = parseRows(graphileRow, rows).map(({ filename, hash, date_ms }) => {
      const number = numberOf(filename);
      return { name: names.get(number) ?? number, hash, appliedAt: new Date(date_ms) };
    });
    return { applied, findings: [] };
  },
  record: ({ name, hash, row }) =>
    `INSERT INTO graphile_migrate.migrations (hash, previous_hash, filename) VALUES
      (${quoteLiteral(hash)}, ${row ? quoteLiteral(String(row['previous'])) : 'NULL'}, ${quoteLiteral(`${numberOf(name)}.sql`)})`,
  erase: ({ hash }) => `DELETE FROM graphile_migrate.migrations WHERE hash = ${quoteLiteral(hash)}`,
  rows: {
    table: 'graphile_migrate.migrations',
    key: ['hash'],
    knownBy: ['filename'],
    columnsOf: ({ name, hash, row }) => ({
      hash,
      previous_hash: row?.['previous'] ?? null,
      filename: `${numberOf(name)}.sql`,
    }),
    contentOf: (row) => textIn(row, 'hash'),
    isChain: true,
    command: 'graphile-migrate migrate',
    next(rows, migrations) {
      const last = [...namesIn(rows, 'filename')].toSorted().at(-1) ?? '';
      const later = migrations.filter(({ name }) => `${numberOf(name)}.sql` > last);
      return { runs: later.map(({ name }) => name) };
    },
  },
};

const graphileRow = {
  filename: 'string',
  hash: 'string',
  date_ms: 'number',
} as const satisfies ColumnTypes;

const fileName = /^\d+(?:-[-_a-zA-Z0-9]*)?\.sql$/;

/**
 * graphile-migrate (`migration`, `current`, `hash`): the folder that contains `committed/`, with files
 * `000001-slug.sql` whose headers have their own hash and that of the previous one. Tracked in
 * `graphile_migrate.migrations` by number and hash. `current.sql` is a draft, not a migration.
 */
export const graphileMigrate: Format = {
  name: 'graphile-migrate',
  columns: [['hash', 'previous_hash', 'filename', 'date']],
  matches: (directory, names) =>
    names.includes('committed') &&
    (names.includes('current.sql') || names.includes('current') || looksCommitted(directory)),
  read(directory, names) {
    const folder = `${directory}/committed`;
    const findings: Finding[] = [];
    const files = names.includes('committed') ? (listDirectory(folder) ?? []) : [];
    const settings = readGmrc(dirname(directory));
    let before: CommittedMigration | undefined;
    const migrations = files
      .filter((file) => fileName.test(file))
      .toSorted()
      .map((file) => {
        const name = file.slice(0, -'.sql'.length);
        before = new CommittedMigration(`${folder}/${file}`, name, before, settings);
        return before;
      });
    const findFlaws = () => migrations.flatMap((each) => each.finding() ?? []);
    findings.push(...notApplied(settings));
    if (names.includes('current.sql')) findings.push(...draftOf(`${directory}/current.sql`));
    return { migrations, findings, findFlaws, tracking };
  },
  hashOf: (source) => parseCommitted(source, '').hash,
  hostLock: { kind: 'advisory', key: 4727445306447283n },
  squash: async () => (await import('./squash.ts')).squashing,
  newCommand: (slug) =>
    `Write the statements to current.sql, then: npx graphile-migrate commit --message ${slug}`,
};

function looksCommitted(directory: string): boolean {
  const sample = readdirSync(`${directory}/committed`).find((file) => fileName.test(file));
  return (
    sample !== undefined &&
    /^\uFEFF?--! Previous:/.test(readInAnyEncoding(`${directory}/committed/${sample}`))
  );
}

/** Reports settings that dbops does not apply. */
function notApplied({ ignored }: Gmrc): Finding[] {
  return ignored.map((key) => ({
    code: 'setting-not-applied',
    severity: key === 'pgSettings' ? 'warning' : 'info',
    message: `.gmrc sets ${key}, which dbops does not apply.`,
    help: helpFor(key),
    where: { object: key },
    key: `setting-not-applied:${key}`,
  }));
}

function helpFor(key: string): string {
  return key === 'pgSettings'
    ? 'Set them for the role that runs migrations, for example: ALTER ROLE name SET search_path = app_public, public'
    : 'Run these actions yourself before or after dbops migrate up, or move them to a migration.';
}

function draftOf(file: string): Finding[] {
  const draft = readInAnyEncoding(file).replaceAll(/\/\*[^]*?\*\//g, '');
  if (isBlank(draft)) return [];
  return [
    {
      code: 'uncommitted-draft',
      severity: 'info',
      message: 'current.sql has statements that are not committed; dbops ignores them.',
      help: 'Commit them when they are finished: graphile-migrate commit',
      where: { object: 'current.sql' },
      key: 'uncommitted-draft:current.sql',
    },
  ];
}
