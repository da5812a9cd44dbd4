import { lstatSync } from 'node:fs';
import { usageError, type DbopsError } from '../errors.ts';
import { readInAnyEncoding } from '../text-file.ts';

/** A migration tool whose folder and table dbops recognizes, in order not to run its files. */
export interface UnsupportedTool {
  name: string;
  /** File names that only this tool uses. */
  file?: RegExp;
  /** Marks in the text of its files. */
  text?: { ending: RegExp; mark: RegExp };
  /** The table in which it records what is applied; absent where the marks of its files decide. */
  table?: ToolTable;
}

export interface ToolTable {
  /** All of its columns, or those that identify it beside its name. */
  columns: readonly string[];
  /** Absent: any name. */
  name?: string;
  /** The column that identifies a migration: by its number, or by its name. */
  key: string;
  /** SQL of the rows that count; absent: all. */
  where?: string;
  /** Whether the only row holds the number of the last migration. */
  isPosition?: boolean;
}

/** Each as in the sources of the tool. */
export const unsupportedTools: readonly UnsupportedTool[] = [
  {
    name: 'golang-migrate', // `NNN_title.up.sql`, as in the folders of dbops: its table decides
    table: { columns: ['version', 'dirty'], key: 'version', isPosition: true },
  },
  {
    name: 'sqlx',
    table: {
      name: '_sqlx_migrations',
      columns: ['version', 'description', 'success', 'checksum'],
      key: 'version',
      where: 'success',
    },
  },
  {
    name: 'goose',
    text: { ending: /\.(?:sql|go)$/, mark: /^--\s*\+goose\s|\bgoose\.AddMigration/m },
    table: {
      columns: ['id', 'version_id', 'is_applied', 'tstamp'],
      key: 'version_id',
      where: 'is_applied',
    },
  },
  {
    name: 'Flyway',
    file: /^(?:(?:V|U|B)\d[\w.]*?|R)__.+\.(?:sql|java)$/,
    table: {
      columns: ['installed_rank', 'script', 'checksum', 'success'],
      key: 'script',
      where: 'success',
    },
  },
  {
    name: 'Liquibase',
    text: {
      ending: /\.(?:sql|xml|ya?ml|json)$/,
      mark: /^\s*--\s*liquibase formatted sql|<databaseChangeLog\b|^"?databaseChangeLog"?\s*:|"databaseChangeLog"\s*:/im,
    },
    table: { columns: ['id', 'author', 'filename', 'md5sum', 'orderexecuted'], key: 'filename' },
  },
  {
    name: 'Sequelize',
    text: { ending: /\.[cm]?[jt]s$/, mark: /\bqueryInterface\b|\bQueryInterface\b/ },
    table: { name: 'SequelizeMeta', columns: ['name'], key: 'name' },
  },
  {
    name: 'TypeORM',
    text: { ending: /\.[cm]?[jt]s$/, mark: /\bMigrationInterface\b|\bqueryRunner\b/ },
    table: { columns: ['id', 'timestamp', 'name'], key: 'timestamp' },
  },
  {
    name: 'MikroORM',
    text: {
      ending: /\.[cm]?[jt]s$/,
      mark: /@mikro-orm\/migrations|\bextends\s+(?:\w+\.)?Migration\b[^]*\baddSql\b/,
    },
    table: { columns: ['id', 'name', 'executed_at'], key: 'name' },
  },
  {
    name: 'Alembic',
    file: /^(?:script\.py\.mako|alembic\.ini)$/,
    text: { ending: /\.py$/, mark: /^down_revision\b/m },
    table: { name: 'alembic_version', columns: ['version_num'], key: 'version_num' },
  },
  { name: 'Django', text: { ending: /\.py$/, mark: /\(migrations\.Migration\)/ } },
  { name: 'Rails', text: { ending: /\.rb$/, mark: /\bActiveRecord::Migration\b/ } },
  {
    name: 'Atlas',
    file: /^atlas\.sum$/,
    table: { columns: ['version', 'applied', 'total', 'partial_hashes'], key: 'version' },
  },
];

/** The names of all tools in one expression, because a folder has thousands. */
const ownNames = new RegExp(unsupportedTools.flatMap(({ file }) => file?.source ?? []).join('|'));

/** The number of files of an ending that are opened: the first in the order of their names. */
const samples = 3;

/** Returns the tool that a directory belongs to, when dbops does not support it. */
export function unsupportedToolOf(
  directory: string,
  names: readonly string[],
): UnsupportedTool | undefined {
  const own = names.find((name) => ownNames.test(name));
  if (own !== undefined) return unsupportedTools.find(({ file }) => file?.test(own));
  const sorted = names.toSorted();
  const extensions = [...new Set(names.map((name) => name.slice(name.lastIndexOf('.'))))];
  const texts = new Map<string, string>();
  const textOf = (name: string) => {
    const text = texts.get(name) ?? readInAnyEncoding(`${directory}/${name}`);
    texts.set(name, text);
    return text;
  };
  return unsupportedTools.find(({ text }) => {
    if (!text || !extensions.some((each) => text.ending.test(each))) return false;
    return sorted
      .values()
      .filter((name) => text.ending.test(name) && isFile(`${directory}/${name}`))
      .take(samples)
      .some((name) => text.mark.test(textOf(name)));
  });
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Returns the error for the folder of such a tool. */
export function unsupportedFolder(directory: string, { name }: UnsupportedTool): DbopsError {
  return usageError(
    'FOLDER.UNSUPPORTED',
    `${directory} contains migrations of ${name}, which dbops does not support; nothing was run.`,
    `Use ${name} for this folder, or pass a folder of a supported tool with --migrations DIR.`,
  );
}

/** Numbered SQL files without a mark: those of sqlx look like this, and of several other tools. */
export function isPlainSql(names: readonly string[]): boolean {
  return names.some((name) => /^\d+_.+\.sql$/.test(name));
}
