import { describe, expect, it } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { kysely } from '../../src/formats/kysely/index.ts';
import { folderOf } from '../cli/run-cli.ts';

const up = `import { type Kysely } from 'kysely'; export async function up(db: Kysely<any>) {}`;
const config = { 'kysely.config.ts': 'export default {}' };

const inMigrations = (names: readonly string[], text = up) =>
  Object.fromEntries(names.map((name) => [`migrations/${name}`, text]));

const formatOf = (files: Record<string, string>) =>
  readFolder({ root: folderOf({ 'package.json': '{}', ...files }) }).format.name;

const read = (files: Record<string, string>, settings = '') =>
  readFolder({ root: folderOf({ 'kysely.config.ts': settings, ...files }) });

describe('a folder is of Kysely', () => {
  it.each([
    ['timestamps', ['1744910873969-Initial.ts', '1744991379464-Second.ts']],
    ['dates', ['2026-01-01T120000_a.mts']],
    ['no numbers', ['add_users.ts', 'create_users.ts']],
  ])('by modules whose names are %s', (_, names) => {
    expect(formatOf(inMigrations(names))).toBe('kysely');
  });

  it.each([
    ['kysely.config.ts', 'migrations'],
    ['kysely.config.mjs', 'migrations'],
    ['.config/kysely.config.js', 'src/db/migrations'],
    ['src/kysely.config.ts', 'src/db/migrations'],
  ])('by %s', (file, folder) => {
    const files = { [file]: '', [`${folder}/0001_a.js`]: 'exports.up = (db) => {};' };
    expect(formatOf(files)).toBe('kysely');
  });

  it('not by the configuration of a project around it', () => {
    const text = 'export const up = async (db) => {};';
    const files = { ...config, 'inner/migrations/1744910873969_a.ts': text };
    const matches = (root: string) =>
      kysely.matches(`${root}/inner/migrations`, ['1744910873969_a.ts']);
    expect(matches(folderOf(files))).toBe(true);
    expect(matches(folderOf({ ...files, 'inner/package.json': '{}' }))).toBe(false);
  });

  it('or of dbops, when it has SQL files or four digits and no configuration', () => {
    expect(formatOf(inMigrations(['0001_a.ts', '0002_b.ts']))).toBe('dbops');
    expect(formatOf(inMigrations(['0001_a.up.sql', '20260101_b.ts']))).toBe('dbops');
    const root = folderOf(inMigrations(['0001_a.ts']));
    expect(readFolder({ root, format: 'kysely' }).format.name).toBe('kysely');
  });

  it.each([
    ['a query builder is only used', `import { Kysely } from 'kysely'; export const db = 1;`],
    ['another tool runs it', 'exports.up = (pgm) => {};'],
    ['it is of TypeORM', 'export class A1 implements MigrationInterface { async up() {} }'],
  ])('not when %s', (_, text) => {
    const files = inMigrations(['1744910873969-a.ts'], text);
    const root = folderOf({ 'package.json': '{}', ...files });
    expect(kysely.matches(`${root}/migrations`, ['1744910873969-a.ts'])).toBe(false);
  });
});

describe('the format kysely', () => {
  it('reads the files that Kysely reads, in the order of Array.prototype.sort', () => {
    const names = ['9_b.ts', '10_a.js', 'Z.mjs', 'a.cjs', '1_é.mts', '1_f.cts'];
    const strangers = { 'migrations/b.d.ts': up, 'migrations/b.sql': '', 'migrations/c.json': '' };
    const { migrations } = read({ ...inMigrations(names), ...strangers });
    expect(migrations.map(({ name }) => name)).toEqual(
      ['9_b', '10_a', 'Z', 'a', '1_é', '1_f'].toSorted(),
    );
  });

  it('ignores files without up, and uses the later of two with the same name', () => {
    const { migrations } = read({
      ...inMigrations(['1_a.js', '1_a.ts', '2_b.ts']),
      'migrations/helper.ts': `export const text = 'varchar(255)';`,
    });
    expect(migrations.map(({ up: { file } }) => file.replace(/.*\//, ''))).toEqual([
      '1_a.ts',
      '2_b.ts',
    ]);
  });

  it.each([
    ['', 'kysely_migration', 'public'],
    [`export default { migrations: { migrationTableName: 'done' } }`, 'done', 'public'],
    [`{ migrationFolder: './a', "migrationTableSchema": "meta" }`, 'meta.kysely_migration', 'meta'],
    [
      `// migrationTableName: 'old'\n/* migrationTableName: 'older' */`,
      'kysely_migration',
      'public',
    ],
    ['{ migrationTableName: nameOf(this) }', 'kysely_migration', 'public'],
  ])('finds its table in %j', (settings, table, schema) => {
    const { tracking } = read(inMigrations(['1_a.ts']), settings);
    expect(tracking.table).toBe(table);
    expect(tracking.tables[1]).toBe(`${schema}.kysely_migration_lock`);
  });

  it('ignores the order of rows when Kysely is configured to ignore it', () => {
    const rows = [
      { name: '2_b', timestamp: '2026-01-01T00:00:00.000Z' },
      { name: '1_a', timestamp: '2026-01-01T00:00:00.001Z' },
    ];
    const findings = (settings: string) => {
      const { tracking, migrations } = read(inMigrations(['1_a.ts', '2_b.ts']), settings);
      return tracking.toApplied(rows, migrations).findings.map(({ code }) => code);
    };
    expect(findings('')).toEqual(['recorded-order']);
    expect(findings('{ allowUnorderedMigrations: true }')).toEqual([]);
  });

  it('orders rows of one millisecond as Kysely does', () => {
    const timestamp = '2026-01-01T00:00:00.000Z';
    const { tracking, migrations } = read(inMigrations(['1_a.ts', '2_b.ts']));
    const rows = ['2_b', '1_a'].map((name) => ({ name, timestamp }));
    const { applied, findings } = tracking.toApplied(rows, migrations);
    expect(applied.map(({ name }) => name)).toEqual(['1_a', '2_b']);
    expect(findings).toEqual([]);
  });
});

describe('a module without up is not a migration of Kysely', () => {
  const listed = (text: string, file = 'helpers.ts') =>
    readFolder({
      root: folderOf({
        'package.json': '{}',
        'kysely.config.ts': '',
        'migrations/20260101_a.ts': 'export async function up() {}',
        [`migrations/${file}`]: text,
      }),
    }).migrations.map(({ name }) => name);
  const helper = (file: string) => file.slice(0, file.lastIndexOf('.'));

  it.each([
    ['a class', 'class Steps { all = [{ up: async () => {}, down: async () => {} }]; }'],
    ['a type', 'export interface Step { up: () => void }'],
    ['another function', 'export const steps = (db: unknown) => ({ up: () => db });'],
    ['a comment', '// export async function up(db) {}\nexport const a = 1;'],
    ['a default export', 'export default class Steps { up = 1 }'],
    ['CommonJS', 'module.exports = { steps: { up() {} } };', 'helpers.cjs'],
  ])('%s', (_, text, file = 'helpers.ts') => {
    expect(listed(text, file)).toEqual(['20260101_a']);
  });

  it.each([
    ['a function', 'export async function up() {}'],
    ['a constant', 'export const up = async () => {};'],
    ['a list', 'const up = () => {}; export { up };'],
    ['a list with another name', 'const apply = () => {}; export { apply as up };'],
    ['a default export', 'export default { up() {} };'],
    ['destructuring', 'export const { up, down } = { up() {}, down() {} };'],
    ['CommonJS', 'exports.up = () => {};', 'helpers.cjs'],
    ['an object of CommonJS', 'module.exports = { up() {} };', 'helpers.cjs'],
    ['a module that cannot be loaded', `import './none.ts'; export default { up() {} };`],
  ])('but one that exports it is, as %s', (_, text, file = 'helpers.ts') => {
    expect(listed(text, file)).toEqual(['20260101_a', helper(file)]);
  });
});

describe('a tracking table', () => {
  it.each([
    ['without a time', { name: 'a' }],
    ['with a time of another type', { name: 'a', timestamp: new Date(0) }],
  ])('%s is not the table of Kysely', (_, row) => {
    const { tracking, migrations } = read(inMigrations(['a.ts']));
    expect(() => tracking.toApplied([row], migrations)).toThrow('timestamp');
  });
});
