import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { openCache } from '../../src/shadow/cache.ts';
import { snapshotsAfter, withExpected } from '../../src/shadow/expected-catalog.ts';
import { prefixKeys } from '../../src/shadow/replay-cache-key.ts';
import { dbops } from '../../src/formats/dbops/index.ts';
import type { Migration } from '../../src/migration.ts';
import { folderOf } from '../cli/run-cli.ts';

const { signal } = new AbortController();

const migrations = [
  migrationOf('CREATE TABLE things (id int, kind varchar(9))', '0001_things'),
  migrationOf("ALTER TABLE things ADD CHECK (kind IN ('a', 'b'))", '0002_kinds'),
  migrationOf('CREATE TABLE more (id int)', '0003_more'),
];

function migrationOf(text: string, name: string): Migration {
  return { name, hash: '', up: { kind: 'sql', file: `${name}.up.sql`, sql: text } };
}

function wantedIn(folder: string, all = migrations) {
  const replays: number[] = [];
  const environment = { DBOPS_CACHE_DIR: folder };
  const onReplay = () => void replays.push(1);
  const targetNames = { database: 'shop', roles: [] };
  const scope = { ignore: [] };
  const rest = { targetNames, scope, environment, signal, onReplay };
  return { replays, wanted: { migrations: all, format: dbops, ...rest } };
}

/** The tables after so many migrations, and how many replays it took. */
async function tablesAfter(folder: string, lengths: number[]) {
  const { replays, wanted } = wantedIn(folder);
  const snapshots = await snapshotsAfter(wanted, lengths);
  const tables = snapshots.map((objects) =>
    objects
      .filter(({ kind }) => kind === 'table')
      .map(({ name }) => name)
      .toSorted(),
  );
  return { tables, replays: replays.length };
}

const first = { tables: [['things'], ['more', 'things']], replays: 1 };
const again = { ...first, replays: 0 };

describe('the snapshots after parts of a folder', () => {
  it('are taken in one replay, and then from the cache', { timeout: 90_000 }, async () => {
    const folder = folderOf({});
    expect(await tablesAfter(folder, [1, 3])).toEqual(first);
    expect(await tablesAfter(folder, [1, 3])).toEqual(again);
    expect(await tablesAfter(folder, [3, 1])).toEqual({
      ...again,
      tables: first.tables.toReversed(),
    });
    expect(await tablesAfter(folder, [0, 1, 2])).toEqual({
      tables: [[], ['things'], ['things']],
      replays: 1,
    });
  });

  it('hold one object once', async () => {
    const folder = folderOf({});
    const { wanted } = wantedIn(folder);
    await snapshotsAfter(wanted, [2, 3]);
    const [one, two] = await snapshotsAfter(wanted, [2, 3]);
    expect(one?.every((object) => two?.includes(object))).toBe(true);
  });

  it(
    'are taken again where a file is damaged, empty, of another shape or of another name',
    { timeout: 90_000 },
    async () => {
      const folder = folderOf({});
      await tablesAfter(folder, [1, 3]);
      const damages = [
        (bytes: Buffer) => bytes.subarray(0, -10),
        () => Buffer.alloc(0),
        (bytes: Buffer) => changed(bytes, '"value":{', '"value":{"odd":1},"x":{'),
        (bytes: Buffer) => changed(bytes, '"name":"', '"name":"x'),
      ];
      for (const damage of damages) {
        for (const name of readdirSync(folder)) {
          const file = join(folder, name);
          writeFileSync(file, damage(readFileSync(file)));
        }
        expect(await tablesAfter(folder, [1, 3])).toEqual(first);
      }
      expect(await tablesAfter(folder, [1, 3])).toEqual(again);
    },
  );

  it.each([
    ['cannot be created', (folder: string) => writeFileSync(folder, 'a file')],
    ['cannot be written', (folder: string) => makeReadOnly(folder)],
  ])('are taken each time where the folder %s', async (_, spoil) => {
    const folder = join(folderOf({}), 'cache');
    spoil(folder);
    expect(await tablesAfter(folder, [1, 3])).toEqual(first);
  });
});

describe('the judgement of two spellings', () => {
  const restored = `((kind)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))`;

  /** Whether another text means the same as the check of `things`, and the replays it took. */
  async function judge(folder: string, live: string) {
    const { replays, wanted } = wantedIn(folder);
    const same = await withExpected(wanted, ({ objects, judge: ask }) => {
      const check = objects.find(({ kind }) => kind === 'constraint') ?? expect.fail();
      const pair = { expected: check, live: { ...check, expressions: { check: live } } };
      return ask([{ pair, word: 'check', expected: check.expressions['check'] ?? '', live }]);
    });
    return { same, replays: replays.length };
  }

  it('is remembered', { timeout: 90_000 }, async () => {
    const folder = folderOf({});
    expect(await judge(folder, restored)).toEqual({ same: [true], replays: 1 });
    expect(await judge(folder, restored)).toEqual({ same: [true], replays: 0 });
    expect(await judge(folder, `(kind <> 'a')`)).toEqual({ same: [false], replays: 1 });
    expect(await judge(folder, `(kind <> 'a')`)).toEqual({ same: [false], replays: 0 });
    expect(await judge(folder, `(no_such_column)`)).toEqual({ same: [false], replays: 1 });
  });
});

describe('a key of the cache', () => {
  const key = (all: Migration[], rest = {}) =>
    prefixKeys({ ...wantedIn('').wanted, migrations: all, ...rest }).at(-1);
  const [a, b] = [migrationOf('SELECT 1', '1'), migrationOf('SELECT 2', '2')];

  it('is another for each content, order, name and engine', () => {
    const platform = { prelude: 'SELECT 1', settings: '', schemas: [], standIns: {} };
    const keys = [
      key([]),
      key([a]),
      key([a, b]),
      key([b, a]),
      key([a], { format: { ...dbops, platform } }),
      key([migrationOf('SELECT 1', '2')]),
      key([migrationOf('SELECT 3', '1')]),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key([a])).toBe(key([{ ...a, hash: 'another' }]));
  });

  it('knows a module by its text', () => {
    const file = join(folderOf({ 'up.ts': 'one' }), 'up.ts');
    const module: Migration = { name: '1', hash: '', up: { kind: 'module', file } };
    const before = key([module]);
    writeFileSync(file, 'two');
    expect(key([module])).not.toBe(before);
  });
});

describe('the cache', () => {
  it.each([
    ['DBOPS_CACHE_DIR', ''],
    ['XDG_CACHE_HOME', 'dbops'],
  ])('lies where %s says', (variable, below) => {
    const folder = folderOf({});
    const cache = openCache({ [variable]: folder });
    cache.write('name', 1);
    expect(readdirSync(join(folder, below))).toEqual(['name.json.zst']);
    expect(cache.read('name', z.int())).toBe(1);
    expect(cache.read('name', z.string())).toBeUndefined();
  });
});

function changed(bytes: Buffer, from: string, to: string): Buffer {
  return zstdCompressSync(zstdDecompressSync(bytes).toString().replace(from, to));
}

function makeReadOnly(folder: string): void {
  mkdirSync(folder);
  chmodSync(folder, 0o555);
}
