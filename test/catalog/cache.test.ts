import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dbops } from '../../src/formats/dbops.ts';
import { cacheFile, readCache } from '../../src/catalog/cache.ts';
import { withExpectation } from '../../src/catalog/expectation.ts';
import type { Migration } from '../../src/migration.ts';
import { folderOf } from '../cli/run-cli.ts';

const sql = 'CREATE TABLE things (id int CONSTRAINT things_pkey PRIMARY KEY)';

function migrationOf(text: string, name = '0001_things'): Migration {
  return { name, hash: '', up: { kind: 'sql', file: `${name}.up.sql`, sql: text } };
}

/** The names of the expected facts, and whether a shadow was needed for them. */
async function expectation(folder: string, migrations = [migrationOf(sql)]) {
  let replays = 0;
  const { signal } = new AbortController();
  const environment = { DBOPS_CACHE_DIR: folder };
  const wanted = { migrations, format: dbops, environment, signal, onReplay: () => replays++ };
  const names = await withExpectation(wanted, async ({ facts }) => facts.map(({ name }) => name));
  return { names, replays };
}

const replayed = { names: ['things_pkey', 'things'], replays: 1 };
const remembered = { ...replayed, replays: 0 };

describe('the cache of expected facts', () => {
  it('spares the second comparison its shadow', async () => {
    const folder = folderOf({});
    expect(await expectation(folder)).toEqual(replayed);
    expect(await expectation(folder)).toEqual(remembered);
  });

  it.each([
    ['damaged', (text: string) => text.slice(0, -10)],
    ['empty', () => ''],
    ['of another shape', () => '{"facts": [{"kind": "view"}]}'],
    ['of other migrations', (text: string) => text.replace(/"file":"./, '"file":"x')],
  ])('does without a file that is %s, and writes it again', async (_, damage) => {
    const folder = folderOf({});
    await expectation(folder);
    const file = join(folder, String(readdirSync(folder)[0]));
    writeFileSync(file, damage(readFileSync(file, 'utf8')));
    expect(await expectation(folder)).toEqual(replayed);
    expect(await expectation(folder)).toEqual(remembered);
  });

  it('has a file for each content, order, name and engine', () => {
    const [a, b] = [migrationOf('SELECT 1', '1'), migrationOf('SELECT 2', '2')];
    const key = (migrations: Migration[], engine = 'x') =>
      cacheFile({ DBOPS_CACHE_DIR: '/c' }, migrations, engine);
    const keys = [
      key([]),
      key([a]),
      key([a, b]),
      key([b, a]),
      key([a], 'y'),
      key([migrationOf('SELECT 1', '2')]),
      key([migrationOf('SELECT 3', '1')]),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key([a])).toBe(key([{ ...a, hash: 'another' }]));
  });

  it('knows a module by its text', () => {
    const file = join(folderOf({ 'up.ts': 'one' }), 'up.ts');
    const migration: Migration = { name: '1', hash: '', up: { kind: 'module', file } };
    const before = cacheFile({}, [migration], 'x');
    writeFileSync(file, 'two');
    expect(cacheFile({}, [migration], 'x')).not.toBe(before);
  });

  it('lies where the environment says', () => {
    const folders = [{ DBOPS_CACHE_DIR: '/a' }, { XDG_CACHE_HOME: '/b' }, {}];
    const files = folders.map((environment) => cacheFile(environment, [], 'x'));
    expect(files).toEqual([
      expect.stringMatching(/^\/a\/[0-9a-f]{64}\.json$/),
      expect.stringMatching(/^\/b\/dbops\/[0-9a-f]{64}\.json$/),
      expect.stringMatching(/\.cache\/dbops\/[0-9a-f]{64}\.json$/),
    ]);
  });

  it.each([
    ['can not be made', (folder: string) => writeFileSync(join(folder, 'cache'), 'a file')],
    ['can not be written', (folder: string) => makeReadOnly(join(folder, 'cache'))],
  ])('is none, and no error, where its folder %s', async (_, spoil) => {
    const folder = folderOf({});
    spoil(folder);
    expect((await expectation(join(folder, 'cache'))).names).toEqual(replayed.names);
    expect(readCache(join(folder, 'cache', 'x.json'))).toBeUndefined();
  });
});

function makeReadOnly(folder: string): void {
  mkdirSync(folder);
  chmodSync(folder, 0o555);
}
