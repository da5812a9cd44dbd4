import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { FolderContents, Format, Tracking } from '../format.ts';
import { exportsUp } from './exports.ts';
import { arrange, kyselyRow, next, toApplied } from './order.ts';
import {
  configAbove,
  literalOf,
  mentions,
  modulesAmong,
  sampleOf,
} from '../shared/module-files.ts';
import {
  emptyKyselyModule,
  milliseconds,
  moduleStyleOf,
  nameAfter,
} from '../shared/new-migration.ts';
import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../shared/tracking-table.ts';
import { parseRows } from '../shared/rows.ts';
import { FileMigration } from '../shared/script.ts';
import { readInAnyEncoding, readText } from '../../text-file.ts';

const ending = /\.(?:[cm]?ts|[cm]?js)$/;
const config = /^kysely\.config\.[cm]?[jt]s$/;

/**
 * Kysely's Migrator over a folder of modules, as kysely-ctl and `FileMigrationProvider` use it
 * (kysely 0.29, `migration/migrator.ts`): names are file names without extension, in the order of
 * `Array.prototype.sort`. Tracked in `kysely_migration` by name and time.
 */
export const kysely: Format = {
  name: 'kysely',
  columns: [['name', 'timestamp']],
  matches(directory, names) {
    const modules = modulesAmong(names, ending);
    if (modules.length === 0 || names.some((name) => name.endsWith('.up.sql'))) return false;
    const source = sampleOf(directory, modules);
    if (!mentions(source, 'up')) return false;
    if (configAbove(directory, config)) return true;
    return /\bkysely\b/i.test(source) && !modules.every((name) => /^\d{4}_/.test(name));
  },
  read(directory, names, trackingTable) {
    const configFile = configAbove(directory, config);
    const settings = configFile ? readText(configFile) : '';
    const migrations = readMigrations(directory, names);
    return {
      migrations,
      findings: [],
      ...contentsOf({ settings, asked: trackingTable, migrations }),
    };
  },
  hostLock: { kind: 'advisory', key: 3853314791062309107n },
  async loadModule(file, direction) {
    const { loadKyselyModule } = await import('../shared/kysely-module.ts');
    return loadKyselyModule(file, direction);
  },
  newFiles(request) {
    const style = moduleStyleOf(request);
    return { [`${nameAfter(request, milliseconds)}${style.ending}`]: emptyKyselyModule(style) };
  },
};

/** Of two files with the same name, Kysely uses the later; it ignores files that export no `up`. */
function readMigrations(directory: string, names: readonly string[]): Migration[] {
  const migrations = new Map<string, Migration>();
  for (const fileName of modulesAmong(names, ending).toSorted()) {
    const file = `${directory}/${fileName}`;
    const source = readInAnyEncoding(file);
    if (!mentions(source, 'up') || !exportsUp(file, source)) continue;
    const name = fileName.slice(0, fileName.lastIndexOf('.'));
    const script = { kind: 'module', file, source } as const;
    const read = { name, source, up: script, down: script };
    migrations.set(name, new FileMigration(read));
  }
  return [...migrations.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

interface TrackingRequest {
  /** The text of `kysely.config.ts`. */
  settings: string;
  asked: TrackingTableName | undefined;
  migrations: readonly Migration[];
}

/**
 * Returns the tracking table; both tables are in `migrationTableSchema`.
 *
 * @param place the schema that the database has them in, where no setting names one
 */
function contentsOf(
  of: TrackingRequest,
  place?: string,
): Pick<FolderContents, 'tracking' | 'unplaced'> {
  const { settings, asked, migrations } = of;
  const schema = asked?.schema ?? literalOf(settings, 'migrationTableSchema');
  const table = asked?.table ?? literalOf(settings, 'migrationTableName') ?? 'kysely_migration';
  const lock = literalOf(settings, 'migrationLockTableName') ?? 'kysely_migration_lock';
  const shown = textOf(schema ? { schema, table } : { table });
  const isOrdered = literalOf(settings, 'allowUnorderedMigrations') !== 'true';
  const tables = { schema: schema ?? place, table, lock };
  return {
    tracking: trackingOf(tables, { shown, isOrdered, inFolder: migrations }),
    ...(!tables.schema && { unplaced: { table, placedIn: (found) => contentsOf(of, found) } }),
  };
}

function trackingOf(
  { schema, ...tables }: { schema: string | undefined; table: string; lock: string },
  {
    shown,
    isOrdered,
    inFolder,
  }: { shown: string; isOrdered: boolean; inFolder: readonly Migration[] },
): Tracking {
  const inSchema = (table: string): TrackingTableName => (schema ? { schema, table } : { table });
  const names = [inSchema(tables.table), inSchema(tables.lock)] as const;
  const [table, lock] = [quotedName(names[0]), quotedName(names[1])];
  return {
    table: shown,
    tables: names.map(catalogName),
    create: `${ensureSchemaOf(names[0])}
      CREATE TABLE IF NOT EXISTS ${table} ("name" varchar(255) NOT NULL PRIMARY KEY, "timestamp" varchar(255) NOT NULL);
      CREATE TABLE IF NOT EXISTS ${lock} ("id" varchar(255) NOT NULL PRIMARY KEY, "is_locked" integer NOT NULL DEFAULT 0);
      INSERT INTO ${lock} (id, is_locked) VALUES ('migration_lock', 0) ON CONFLICT DO NOTHING`,
    select: `SELECT name, timestamp FROM ${table}`,
    toApplied: (rows, migrations) =>
      toApplied(parseRows(kyselyRow, rows), migrations, { table, isOrdered }),
    prepare: `SELECT max(name COLLATE "C") AS last, max(timestamp COLLATE "C") AS latest FROM ${table}`,
    record(migration, { last, latest }) {
      const name = quoteLiteral(migration.name);
      if (typeof last === 'string' && migration.name <= last) return recordBetween(table, name);
      const { name: before = '' } = inFolder[inFolder.indexOf(migration) - 1] ?? {};
      return recordLast(
        table,
        name,
        quoteLiteral(before),
        typeof latest === 'string' ? quoteLiteral(latest) : 'NULL',
      );
    },
    erase: (migration) => `DELETE FROM ${table} WHERE name = ${quoteLiteral(migration.name)}`,
    rows: {
      table,
      key: ['name'],
      knownBy: ['name'],
      columnsOf: ({ name: ofFile }) => ({ name: ofFile }),
      order: { column: 'timestamp', arrange: (inOrder) => arrange(table, inOrder) },
      command: 'kysely migrate latest',
      next: (rows, migrations) => next(rows, migrations, isOrdered),
    },
  };
}

/**
 * Returns SQL that records a migration with the current time, but later than all other rows, because
 * Kysely orders by time.
 *
 * @param before the previous name in the folder, whose row this run may have written last
 * @param latest the time of the latest row at the start of the run
 */
function recordLast(table: string, name: string, before: string, latest: string): string {
  return `INSERT INTO ${table} (name, timestamp)
    VALUES (${name}, ${isoOf(`greatest(${now}, ${latest}::timestamptz + interval '1 ms',
      (SELECT timestamp::timestamptz + interval '1 ms' FROM ${table} WHERE name = ${before}))`)})`;
}

/** Returns SQL that records a migration between existing rows, with a time between theirs. */
function recordBetween(table: string, name: string): string {
  return `INSERT INTO ${table} (name, timestamp)
    SELECT ${name}, ${isoOf(`CASE WHEN next IS NULL THEN greatest(${now}, free) ELSE least(free, next) END`)}
    FROM (SELECT max(timestamp COLLATE "C") FILTER (WHERE name COLLATE "C" < ${name})::timestamptz + interval '1 ms' AS free,
                 min(timestamp COLLATE "C") FILTER (WHERE name COLLATE "C" > ${name})::timestamptz AS next FROM ${table}) neighbours`;
}

const now = `date_trunc('milliseconds', clock_timestamp())`;

/** Returns SQL for a time as JavaScript writes it. */
function isoOf(time: string): string {
  return `to_char((${time}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
