import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { readSizes } from '../../src/plan/sizes-file.ts';
import { folderOf } from '../cli/run-cli.ts';
import { newestAndEmbedded } from '../db/targets.ts';
import { withProject } from '../migrate/project.ts';

const files = {
  '0001_first.up.sql': `CREATE TABLE people (id int PRIMARY KEY, email text);
    INSERT INTO people SELECT n, 'secret' || n FROM generate_series(1, 5000) n;`,
  '0002_second.up.sql': 'CREATE TABLE orders (id int);',
};

describe.each(newestAndEmbedded)('stats export on $name', (target) => {
  it('writes sizes that can be read again, to a file and to stdout', () =>
    withProject(target, files, async ({ root, dbops }) => {
      await dbops('migrate', 'up', '--steps', '1');
      const written = await dbops('stats', 'export', '--output', 'out/sizes.json');
      expect(written.stderr).not.toContain('error');
      expect(written.stdout).toMatch(/^✓ Sizes of \d+ tables written to out\/sizes\.json\n$/);
      const text = readFileSync(join(root, 'out/sizes.json'), 'utf8');
      const sizes = readSizes(join(root, 'out/sizes.json'));
      expect(sizes.applied).toEqual(['0001_first']);
      const people = sizes.tables.find(({ name }) => name === 'people');
      expect(people?.rows).toBeGreaterThan(2_500);
      expect(people?.indexes).toMatchObject([{ name: 'people_pkey', isValid: true }]);
      expect(sizes).not.toHaveProperty('activity');
      expect(text).not.toContain('secret');
      const { stdout, exitCode } = await dbops('stats', 'export');
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, applied: ['0001_first'] });
    }));

  it('needs no migrations, and its JSON document can be read again', () =>
    withProject(target, {}, async ({ root, dbops, write }) => {
      const { stdout } = await dbops('stats', 'export', '--json');
      expect(JSON.parse(stdout)).toMatchObject({ command: 'stats export', ok: true, applied: [] });
      write({ 'sizes.json': stdout });
      expect(readSizes(join(root, 'migrations/sizes.json')).applied).toEqual([]);
    }));
});

describe('a file of sizes', () => {
  const sizes = { schemaVersion: 1, serverVersion: '18.4', tables: [], applied: [] };

  it.each([
    ['is not JSON', '{"schemaVersion": 1,', /JSON/],
    ['lacks a key', JSON.stringify({ ...sizes, tables: undefined }), /tables/],
    ['is of a later version', JSON.stringify({ ...sizes, schemaVersion: 2 }), /schemaVersion/],
    [
      'contains a negative size',
      JSON.stringify({
        ...sizes,
        tables: [
          {
            schema: 'public',
            name: 't',
            kind: 'table',
            rows: -1,
            heapBytes: 0,
            toastBytes: 0,
            indexes: [],
          },
        ],
      }),
      /tables\.0\.rows/,
    ],
  ])('is rejected as a usage error with a hint when it %s', (_, text, reason) => {
    const root = folderOf({ 'sizes.json': text });
    const error = errorOf(() => readSizes(join(root, 'sizes.json'), 'sizes.json'));
    expect(error).toMatchObject({
      code: 'STATS.FILE',
      exitCode: 2,
      message: 'Cannot read the sizes in sizes.json.',
    });
    expect(error.hint).toContain('dbops stats export --output sizes.json');
    expect(error.reason.join('\n')).toMatch(reason);
  });

  it('is rejected when it does not exist', () => {
    expect(errorOf(() => readSizes('/nowhere/sizes.json')).exitCode).toBe(2);
  });
});

function errorOf(work: () => unknown): DbopsError {
  try {
    work();
  } catch (error) {
    if (error instanceof DbopsError) return error;
  }
  throw new Error('no error was thrown');
}
