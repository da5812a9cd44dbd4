import { quoteLiteral } from '../../db/quote.ts';
import type { AppliedMigration, Migration, SqlScript } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import { findingOf, refusedScript, type Flaw } from '../shared/flaw.ts';
import type { Format, Tracking } from '../format.ts';
import { datedNameAfter, assertSqlOnly } from '../shared/new-migration.ts';
import { namesIn, parseRows, type ColumnTypes, type RowOf } from '../shared/rows.ts';
import { FileMigration, withoutBom } from '../shared/script.ts';
import { isBlank, sectionScript } from '../shared/section.ts';
import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../shared/tracking-table.ts';
import { readInAnyEncoding } from '../../text-file.ts';

const fileName = /^\d+.*\.sql$/;

/** Returns the tracking table (`--migrations-table` of dbmate; its default schema is `public`). */
function trackingOf({
  schema = 'public',
  table: plain = 'schema_migrations',
}: Partial<TrackingTableName> = {}): Tracking {
  const name = { schema, table: plain };
  const table = quotedName(name);
  return {
    table: textOf(name),
    tables: [catalogName(name)],
    create: `${ensureSchemaOf(name)} CREATE TABLE IF NOT EXISTS ${table} (version varchar PRIMARY KEY)`,
    select: `SELECT version FROM ${table}`,
    toApplied: (rows, migrations) => ({
      applied: toApplied(parseRows(dbmateRow, rows), migrations),
      findings: [],
    }),
    record: (migration) =>
      `INSERT INTO ${table} (version) VALUES (${quoteLiteral(versionOf(migration.name))})`,
    erase: (migration) =>
      `DELETE FROM ${table} WHERE version = ${quoteLiteral(versionOf(migration.name))}`,
    rows: {
      table,
      key: ['version'],
      knownBy: ['version'],
      columnsOf: (migration) => ({ version: versionOf(migration.name) }),
      command: 'dbmate up',
      next(rows, migrations) {
        const recorded = namesIn(rows, 'version');
        const pending = migrations.filter((each) => !recorded.has(versionOf(each.name)));
        return { runs: pending.map((each) => each.name) };
      },
    },
  };
}

const dbmateRow = {
  version: 'string',
} as const satisfies ColumnTypes;
type DbmateRow = RowOf<typeof dbmateRow>;

/** Returns the applied migrations in the folder's order: the table records neither order nor time. */
function toApplied(
  rows: readonly DbmateRow[],
  migrations: readonly Migration[],
): AppliedMigration[] {
  const unmatched = new Set(rows.map(({ version }) => version));
  const present = migrations.filter(({ name }) => unmatched.delete(versionOf(name)));
  const names = [...present.map(({ name }) => name), ...[...unmatched].toSorted()];
  return names.map((name) => ({ name, hash: null, appliedAt: null }));
}

/**
 * dbmate (`pkg/dbmate/migration.go`, `pkg/driver/postgres/postgres.go`): `<digits>_name.sql` with
 * the sections `-- migrate:up` and `-- migrate:down`, in the order of the file names as text.
 * Tracked in `public.schema_migrations` by the leading digits.
 */
export const dbmate: Format = {
  name: 'dbmate',
  columns: [['version']],
  matches(directory, names) {
    const sample = names.find((name) => fileName.test(name));
    if (!sample) return false;
    return marksOf(readInAnyEncoding(`${directory}/${sample}`)).length > 0;
  },
  read(directory, names, trackingTable) {
    const findings: Finding[] = [];
    const files = names.filter((name) => fileName.test(name)).toSorted();
    const migrations = files.map((file) => readMigration(`${directory}/${file}`, file, findings));
    return { migrations, findings, tracking: trackingOf(trackingTable) };
  },
  runsStatementAlone: true,
  downFile: ({ up }) => up.file,
  sections: {
    up: { mark: /^--\s*migrate:up\b/m, line: '-- migrate:up' },
    down: { mark: /^--\s*migrate:down\b/m, line: '-- migrate:down' },
  },
  squash: async () => (await import('./squash.ts')).squashing,
  newFiles(request) {
    assertSqlOnly(request, 'dbmate');
    return { [`${datedNameAfter(request)}.sql`]: '-- migrate:up\n\n\n-- migrate:down\n\n' };
  },
};

function versionOf(name: string): string {
  return /^\d+/.exec(name)?.[0] ?? name;
}

function readMigration(path: string, file: string, findings: Finding[]): Migration {
  const source = withoutBom(readInAnyEncoding(path));
  const name = file.slice(0, -'.sql'.length);
  const { up, down, flaw } = parse(path, source, name);
  if (flaw) findings.push(findingOf(flaw, name, path));
  else if (!down) findings.push(noDownSection(name, file));
  const read = {
    name,
    version: versionOf(name),
    source,
    up: up ?? refusedScript(path, flaw),
    down: down && !isBlank(down.sql) ? down : undefined,
  };
  return new FileMigration(read);
}

type Sections =
  | { up: SqlScript; down?: SqlScript; flaw?: undefined }
  | { up?: undefined; down?: SqlScript; flaw: Flaw };

/** Parses a file as `parseMigrationContents` of dbmate does, with the same errors. */
function parse(path: string, source: string, name: string): Sections {
  const marks = marksOf(source);
  const ups = marks.filter(({ direction }) => direction === 'up');
  const [first, second] = marks;
  const [up] = ups;
  const flaw = (message: string, help: string) => ({
    flaw: { code: 'dbmate-section', message: `${name} ${message}`, help },
  });
  const script = (start: number, end: number | undefined, options: string) => {
    const section = sectionScript(path, source, { head: first?.index ?? 0, start, end });
    return transactionFalse.test(options) ? { ...section, noTransaction: true } : section;
  };
  if (!first || !up)
    return flaw('has no up section.', 'Start the file with the line: -- migrate:up');
  if (first !== up || !isBlank(source.slice(0, up.index)))
    return flaw('has statements above its up section.', 'Move them below -- migrate:up');
  if (marks.length > 2 || ups.length > 1)
    return flaw(
      'has several up or down sections: dbmate records the first and fails at the next.',
      'Keep one of each, or create a file for each pair.',
    );
  return {
    up: script(up.index, second?.index, up.options),
    ...(second && { down: script(second.index, undefined, second.options) }),
  };
}

const transactionFalse = /(?:^|\s)transaction:false(?:\s|$)/;

interface SectionHeader {
  direction: 'up' | 'down';
  index: number;
  /** The rest of the line. */
  options: string;
}

function marksOf(source: string): SectionHeader[] {
  return [...source.matchAll(/^--\s*migrate:(up|down)(?=\s|$)(.*)/gm)].map(
    ({ index, 1: direction, 2: options = '' }) => ({
      direction: direction === 'up' ? 'up' : 'down',
      index,
      options,
    }),
  );
}

function noDownSection(name: string, file: string): Finding {
  return {
    code: 'no-down-section',
    severity: 'warning',
    message: `${name} has no down section: dbops can apply it, but dbmate rejects the file.`,
    help: `Add the line "-- migrate:down", followed by statements that undo the migration.`,
    where: { object: name, migration: file },
    key: `no-down-section:${name}`,
  };
}
