import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { FolderContents, Format, HostLock, LoadModule, Tracking } from '../format.ts';
import { extensionsIn, findKnexfile, tablesIn, tablesNamed, type KnexTables } from './knexfile.ts';
import { mentions, modulesAmong, sampleOf } from '../shared/module-files.ts';
import { datedNameAfter, emptyModule, moduleStyleOf } from '../shared/new-migration.ts';
import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../shared/tracking-table.ts';
import { namesIn, parseRows, pendingAmong, type ColumnTypes, type RowOf } from '../shared/rows.ts';
import { FileMigration } from '../shared/script.ts';
import { readInAnyEncoding, readText } from '../../text-file.ts';

const ending = /\.(?:[cm]?js|ts)$/;

/**
 * knex (3.3, `lib/migrations/migrate/Migrator.js` and `table-creator.js`): modules with `up(knex)`
 * and `down(knex)`, in the order of their names. Tracked in `knex_migrations` by file name with its
 * extension; all files of a run are one batch.
 */
export const knex: Format = {
  name: 'knex',
  columns: [['id', 'name', 'batch', 'migration_time']],
  matches(directory, names) {
    const modules = modulesAmong(names, ending);
    const source = modules.length === 0 ? '' : sampleOf(directory, modules);
    if (!mentions(source, 'up') || !mentions(source, 'down')) return false;
    if (/\b(?:kysely|pgm|queryInterface|MigrationInterface)\b/i.test(source)) return false;
    return /\bknex\b/i.test(source) || findKnexfile(directory) !== undefined;
  },
  read(directory, names, trackingTable) {
    const knexfile = findKnexfile(directory);
    const settings = knexfile ? readText(knexfile) : '';
    const tables = trackingTable ? tablesNamed(trackingTable, settings) : tablesIn(settings);
    const extensions = extensionsIn(settings);
    const files = modulesAmong(names, ending).filter(
      (name) => !extensions || extensions.some((each) => name.endsWith(each)),
    );
    return {
      migrations: files.toSorted().map((name) => readMigration(directory, name)),
      findings: [],
      ...contentsOf(tables),
      ...(trackingTable && { loadModule: moduleLoader(true) }),
    };
  },
  hostLock: hostLockOf(tablesIn('')),
  loadModule: moduleLoader(false),
  newFiles(request) {
    const style = moduleStyleOf(request);
    const parameter = { name: 'knex', type: 'Knex' };
    const text = emptyModule(style, parameter, "import type { Knex } from 'knex';\n");
    return { [`${datedNameAfter(request)}${style.ending}`]: text };
  },
};

/** @param isTableNamed whether the command line or the configuration names the tracking table */
function moduleLoader(isTableNamed: boolean): LoadModule {
  return async (file, direction) => {
    const { loadKnexModule } = await import('./module.ts');
    return loadKnexModule(file, direction, isTableNamed);
  };
}

function readMigration(directory: string, name: string): Migration {
  const file = `${directory}/${name}`;
  const source = readInAnyEncoding(file);
  const script = { kind: 'module', file, source } as const;
  return new FileMigration({ name, source, up: script, down: script });
}

const knexRow = {
  name: 'string',
  applied_ms: 'number or null',
} as const satisfies ColumnTypes;
type KnexRow = RowOf<typeof knexRow>;

function contentsOf(
  tables: KnexTables,
  shown = textOf(tables),
): Pick<FolderContents, 'tracking' | 'hostLock' | 'unplaced'> {
  const placedIn = (schema: string) => contentsOf({ ...tables, schema }, shown);
  return {
    tracking: trackingOf(tables, shown),
    hostLock: hostLockOf(tables),
    ...(tables.schema === undefined && { unplaced: { table: tables.table, placedIn } }),
  };
}

/** @param shown the name of the table, for people */
function trackingOf(tables: KnexTables, shown: string): Tracking {
  const [table, lock] = [quotedName(tables), quotedName(lockOf(tables))];
  return {
    table: shown,
    tables: [tables, lockOf(tables)].map(catalogName),
    create: `${ensureSchemaOf(tables)}
      CREATE TABLE IF NOT EXISTS ${table} ("id" serial PRIMARY KEY, "name" varchar(255), "batch" integer, "migration_time" timestamptz);
      CREATE TABLE IF NOT EXISTS ${lock} ("index" serial PRIMARY KEY, "is_locked" integer);
      INSERT INTO ${lock} (is_locked) SELECT 0 WHERE NOT EXISTS (SELECT FROM ${lock})`,
    select: `SELECT name, (1000 * extract(epoch FROM migration_time))::float8 AS applied_ms FROM ${table} ORDER BY id`,
    toApplied: (rows, migrations) => ({
      applied: parseRows(knexRow, rows).map(({ name, applied_ms: ms }) => ({
        name,
        hash: null,
        appliedAt: ms === null ? null : new Date(ms),
      })),
      findings: otherEndings(parseRows(knexRow, rows), migrations, table),
    }),
    prepare: `SELECT coalesce(max(batch), 0) + 1 AS batch FROM ${table}`,
    record: ({ name }, { batch }) => recordIn(table, name, Number(batch)),
    // One batch per file: `knex migrate:rollback` rolls back a whole batch, and these did not run as one.
    mark: ({ name }, { batch }, index) => recordIn(table, name, Number(batch) + index),
    erase: ({ name }) => `DELETE FROM ${table} WHERE name = ${quoteLiteral(name)}`,
    rows: {
      table,
      key: ['id'],
      knownBy: ['name'],
      columnsOf: ({ name }) => ({ name }),
      command: 'knex migrate:latest',
      next(rows, migrations) {
        const recorded = namesIn(rows, 'name');
        const known = new Set(migrations.map(({ name }) => name));
        const missing = [...recorded].find((name) => !known.has(name));
        return missing === undefined
          ? { runs: pendingAmong(migrations, recorded) }
          : { stops: `the migration directory is corrupt: ${missing} is missing` };
      },
    },
  };
}

function recordIn(table: string, name: string, batch: number): string {
  return `INSERT INTO ${table} (name, batch, migration_time)
    VALUES (${quoteLiteral(name)}, ${batch}, date_trunc('milliseconds', clock_timestamp()))`;
}

/** Returns the lock, which knex sets for the duration of a run. */
function hostLockOf(tables: KnexTables): HostLock {
  const lock = quotedName(lockOf(tables));
  return {
    kind: 'row',
    take: `UPDATE ${lock} SET is_locked = 1 WHERE index IN
      (SELECT index FROM ${lock} WHERE is_locked = 0 FOR UPDATE SKIP LOCKED) RETURNING index`,
    // ctid and xmin identify a version of a row.
    held: `SELECT concat_ws(' ', index, xmin, ctid) AS taking FROM ${lock} WHERE is_locked = 1 FOR UPDATE SKIP LOCKED`,
    release: `UPDATE ${lock} SET is_locked = 0 WHERE is_locked = 1 RETURNING index`,
    unlock: `UPDATE ${lock} SET is_locked = 0; -- or: knex migrate:unlock`,
  };
}

function lockOf({ lock, ...tables }: KnexTables): TrackingTableName {
  return { ...tables, table: lock };
}

/** Reports names with another extension, which is part of the name: `a.js`, compiled from `a.ts`, is another migration. */
function otherEndings(
  rows: readonly KnexRow[],
  migrations: readonly Migration[],
  table: string,
): Finding[] {
  const names = new Set(migrations.map(({ name }) => name));
  if (rows.every(({ name }) => names.has(name))) return [];
  const stem = (name: string) => name.replace(/\.[^.]+$/, '');
  const byStem = new Map(migrations.map(({ name }) => [stem(name), name]));
  return rows.flatMap(({ name }): Finding[] => {
    const other = names.has(name) ? undefined : byStem.get(stem(name));
    if (other === undefined) return [];
    return [
      {
        code: 'other-ending',
        severity: 'error',
        message: `${name} is recorded, but the folder has ${other}: knex treats these as two migrations, one missing and one pending.`,
        help: `Pass the folder that knex ran with --migrations DIR; or, if the file was only compiled or renamed: UPDATE ${table} SET name = ${quoteLiteral(other)} WHERE name = ${quoteLiteral(name)};`,
        where: { object: table, migration: name },
        key: `other-ending ${name}`,
      },
    ];
  });
}
