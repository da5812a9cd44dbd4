import { parseRows, type ColumnTypes } from '../shared/rows.ts';
import { dirname, join } from 'node:path';
import { quoteLiteral } from '../../db/quote.ts';
import type { Migration, ModuleScript, Script } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Format, Tracking } from '../format.ts';
import {
  arrange,
  compareFiles,
  findingsOfRecordedOrder,
  next,
  numberOf,
  type FileOrder,
} from './order.ts';
import { directionsOf, hasMark, sections } from './sql.ts';
import { newPgMigration } from './new.ts';
import { FileMigration, lazyScript, sqlScript, withoutBom } from '../shared/script.ts';
import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../shared/tracking-table.ts';
import { readInAnyEncoding } from '../../text-file.ts';

/** Returns the tracking table (`--migrations-schema` and `--migrations-table` of node-pg-migrate). */
function trackingOf({
  schema = 'public',
  table: plain = 'pgmigrations',
}: Partial<TrackingTableName> = {}): Tracking {
  const name = { schema, table: plain };
  const isUsual = schema === 'public' && plain === 'pgmigrations';
  const table = isUsual ? 'public.pgmigrations' : quotedName(name);
  return {
    table: textOf(name),
    tables: [catalogName(name)],
    create: `${ensureSchemaOf(name)} CREATE TABLE IF NOT EXISTS ${table}
      (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`,
    select: `SELECT name, 1000 * extract(epoch FROM run_on::timestamptz)::float8 AS run_ms
      FROM ${table} ORDER BY run_on, id`,
    toApplied(rows, migrations) {
      const applied = parseRows(pgMigrateRow, rows).map((row) => ({
        name: row.name,
        hash: null,
        appliedAt: new Date(row.run_ms),
      }));
      return { applied, findings: findingsOfRecordedOrder(applied, migrations, table) };
    },
    // Never earlier than another row, despite clocks and time zones: the tool orders rows by run_on.
    record: (migration) =>
      `INSERT INTO ${table} (name, run_on)
        VALUES (${quoteLiteral(migration.name)}, greatest(now()::timestamp, (SELECT max(run_on) FROM ${table})))`,
    erase: (migration) => `DELETE FROM ${table} WHERE name = ${quoteLiteral(migration.name)}`,
    rows: {
      table,
      key: ['id'],
      knownBy: ['name'],
      columnsOf: ({ name: ofFile }) => ({ name: ofFile }),
      order: { column: 'run_on', arrange: (names) => arrange(table, names) },
      command: 'node-pg-migrate up',
      next,
    },
  };
}

const pgMigrateRow = {
  name: 'string',
  run_ms: 'number',
} as const satisfies ColumnTypes;

/** `1700000000000_name.sql`, `.up.sql`, `.js`, `.ts`; `up.` and `down.` go with `.sql`. */
const fileName = /^(\d+.*?)\.((?:(?:up|down)\.)?sql|[cm]?[jt]s)$/;
const declaration = /\.d\.[cm]?ts$/;

/** A pair of files with a number of the tool: milliseconds, or a date in UTC. */
const numberedPair = /^(?:\d{13}|\d{17})\D.*\.up\.sql$/s;

/** Maximum number of files opened to recognize a folder. */
const samples = 5;

/**
 * node-pg-migrate (`migration`, `migrationLoader`, `sqlMigration`, `runner`): SQL files with the
 * sections `-- Up Migration` and `-- Down Migration`, pairs `.up.sql` and `.down.sql`, and modules
 * with `up(pgm)` and `down(pgm)`, ordered by number. Tracked in `public.pgmigrations` by name.
 */
export const nodePgMigrate: Format = {
  name: 'node-pg-migrate',
  columns: [['id', 'name', 'run_on']],
  matches(directory, names) {
    if (names.some((name) => numberedPair.test(name))) return true;
    return names
      .values()
      .filter((name) => isSample(name))
      .take(samples)
      .some((file) => {
        const source = readInAnyEncoding(`${directory}/${file}`);
        return file.endsWith('.sql')
          ? hasMark(source)
          : /\bpgm\b|\bMigrationBuilder\b/.test(source);
      });
  },
  read(directory, names, trackingTable) {
    const findings: Finding[] = names.filter(hasNoNumber).map(noNumber);
    const inherits: string[] = [];
    const migrations = unitsOf(names).map((unit): Migration => {
      const path = `${directory}/${unit.up}`;
      const source = readInAnyEncoding(path);
      // A file and its compiled twin are reported as duplicates.
      const identity = { name: unit.name, version: unit.name, source };
      const migration = (up: Script, down?: Script): Migration =>
        new FileMigration({ ...identity, up, down });
      if (!unit.up.endsWith('.sql')) {
        const script: ModuleScript = {
          kind: 'module',
          file: path,
          source,
          inherits: [...inherits],
        };
        if (definesShorthands(source)) inherits.push(path);
        return migration(script, script);
      }
      if (unit.up.endsWith('.up.sql')) {
        const down = unit.down ? lazyScript(`${directory}/${unit.down}`) : undefined;
        return migration(sqlScript(path, source), down);
      }
      const { up, down, upHoldsDown } = directionsOf(path, withoutBom(source));
      if (upHoldsDown) findings.push(downRunsWithUp(unit));
      return migration(up, down);
    });
    return { migrations, findings, tracking: trackingOf(trackingTable) };
  },
  searchPath: 'public', // of its command line: `--schema` has that default
  hostLock: { kind: 'advisory', key: 7241865325823964n },
  async loadModule(file, direction, inherits) {
    const { loadPgModule } = await import('./module.ts');
    return loadPgModule(file, direction, inherits);
  },
  downFile: ({ name, up }) =>
    up.file.endsWith('.up.sql') ? join(dirname(up.file), `${name}.down.sql`) : up.file,
  sections,
  squash: async () => (await import('./squash.ts')).squashing,
  newFiles: newPgMigration,
};

/** Returns whether a module defines shorthands for later modules; the tool's template sets `undefined`. */
function definesShorthands(source: string): boolean {
  return /\bshorthands\b(?![^=\n]*=\s*undefined)/.test(source);
}

/** Returns whether the text of a file identifies the tool; that of a pair does not. */
function isSample(name: string): boolean {
  if (name.endsWith('.up.sql') || name.endsWith('.down.sql')) return false;
  return fileName.test(name) && !declaration.test(name);
}

/** The file or files of one migration. */
interface Unit extends FileOrder {
  name: string;
  up: string;
  down?: string;
}

function unitsOf(names: readonly string[]): Unit[] {
  const present = new Set(names);
  const units = names.flatMap((up): Unit[] => {
    const [, name, ending] = fileName.exec(up) ?? [];
    if (!name || ending === 'down.sql' || declaration.test(up)) return [];
    const down = `${name}.down.sql`;
    const file = ending === 'up.sql' ? `${name}.sql` : up;
    return [{ name, up, file, number: numberOf(up), ...(present.has(down) && { down }) }];
  });
  return units.toSorted(compareFiles);
}

function hasNoNumber(name: string): boolean {
  return /^[^.\d].*\.(?:sql|[cm]?[jt]s)$/.test(name) && !declaration.test(name);
}

function noNumber(file: string): Finding {
  return {
    code: 'no-number',
    severity: 'warning',
    message: `${file} does not start with a number: dbops ignores it, node-pg-migrate stops at it.`,
    help: 'Move it out of the folder.',
    where: { object: file },
    key: `no-number:${file}`,
  };
}

function downRunsWithUp({ name, up }: Unit): Finding {
  return {
    code: 'down-runs-with-up',
    severity: 'warning',
    message: `${name} has a down section but no up section: both are run when it is applied.`,
    help: 'Add the line "-- Up Migration" above its first statement.',
    where: { object: name, migration: up },
    key: `down-runs-with-up:${name}`,
  };
}
