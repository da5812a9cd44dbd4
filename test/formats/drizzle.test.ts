import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { drizzle } from '../../src/formats/drizzle/index.ts';
import { separateStatements } from '../../src/formats/drizzle/script.ts';
import type { Folder } from '../../src/formats/format.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { compare } from '../../src/runner/tracking-state.ts';
import { folderOf } from '../cli/run-cli.ts';

type Files = Record<string, string>;

interface Entry {
  idx?: number;
  when: number;
  tag: string;
}

const journalOf = (entries: Entry[], dialect = 'postgresql') =>
  JSON.stringify({ version: '7', dialect, entries });

/** Entries with a file each, generated one after the other. */
function folderOfTags(tags: string[], others: Files = {}): Files {
  const entries = tags.map((tag, idx) => ({ idx, when: 1000 * (idx + 1), tag }));
  return {
    'drizzle/meta/_journal.json': journalOf(entries),
    ...Object.fromEntries(tags.map((tag) => [`drizzle/${tag}.sql`, `SELECT '${tag}';`])),
    ...others,
  };
}

const read = (files: Files) => readFolder({ root: folderOf(files) });

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const codesOf = (findings: readonly { code: string; where: { object: string } }[]) =>
  findings.map(({ code, where }) => `${code} ${where.object}`);

describe('a folder of Drizzle 0.x', () => {
  it('is found by its journal, and runs in the order of the journal', () => {
    const folder = read(folderOfTags(['0001_b', '0000_a', '0002_c']));
    expect(folder.format.name).toBe('drizzle');
    expect(folder.migrations.map(({ name }) => name)).toEqual(['0001_b', '0000_a', '0002_c']);
    expect(folder.findings).toEqual([]);
  });

  it('hashes the bytes of a file, and recognizes it with other line endings', () => {
    const text = '\uFEFFSELECT 1;\r\nSELECT 2;\n';
    const [a] = read(folderOfTags(['0000_a'], { 'drizzle/0000_a.sql': text })).migrations;
    expect(a?.hash).toBe(sha256(text));
    expect(a?.otherHashes).toEqual([
      sha256('\uFEFFSELECT 1;\nSELECT 2;\n'),
      sha256('\uFEFFSELECT 1;\r\nSELECT 2;\r\n'),
    ]);
    expect(a?.up).toMatchObject({ sql: 'SELECT 1;\r\nSELECT 2;\n' });
  });

  it('may have a rollback beside a migration', () => {
    const { migrations, findings } = read(
      folderOfTags(['0000_a', '0001_b'], { 'drizzle/0001_b.down.sql': 'undo b' }),
    );
    expect(migrations.map(({ down }) => down?.kind === 'sql' && down.sql)).toEqual([
      false,
      'undo b',
    ]);
    expect(findings).toEqual([]);
    expect(migrations.map((each) => drizzle.downFile?.(each).split('/').at(-1))).toEqual([
      '0000_a.down.sql',
      '0001_b.down.sql',
    ]);
  });

  it('reports entries without a file and refuses to run them', () => {
    const { 'drizzle/0001_b.sql': _, ...files } = folderOfTags(['0000_a', '0001_b']);
    const { migrations, findings } = read(files);
    expect(codesOf(findings)).toEqual(['missing-file 0001_b']);
    const b = migrations[1]?.up;
    expect(codeOf(() => b?.kind === 'sql' && b.sql)).toBe('MIGRATION.REFUSED');
    const applied = ['0000_a', '0001_b'].map((name) => ({ name, hash: null, appliedAt: null }));
    expect(compare(migrations, applied).map(({ state }) => state)).toEqual([
      'applied',
      'missing-file',
    ]);
  });

  it.each<[string, Files, string]>([
    ['files without an entry', { 'drizzle/0001_b.sql': '' }, 'unlisted-file 0001_b.sql'],
    [
      'folders of Drizzle 1.0',
      { 'drizzle/20250102030405_b/migration.sql': '' },
      'unlisted-file 20250102030405_b',
    ],
    [
      'twins of two branches',
      { 'drizzle/meta/_journal.json': journalOf([entry(0, 1), entry(0, 2, 'b')]), ...sql('b') },
      'duplicate b',
    ],
    [
      'entries that are older than one before them',
      { 'drizzle/meta/_journal.json': journalOf([entry(0, 2), entry(1, 1, 'b')]), ...sql('b') },
      'journal-order b',
    ],
    [
      'entries that are as old as the one before them',
      { 'drizzle/meta/_journal.json': journalOf([entry(0, 2), entry(1, 2, 'b')]), ...sql('b') },
      'journal-order b',
    ],
    [
      'entries from the future',
      { 'drizzle/meta/_journal.json': journalOf([entry(0, 32503680000000)]) },
      'future-entry 0000_a',
    ],
  ])('reports %s', (_, others, expected) => {
    const { findings } = read(folderOfTags(['0000_a'], others));
    expect(codesOf(findings)).toEqual([expected]);
  });

  it.each<[string, string, string]>([
    ['marks of a merge', '{"entries": [\n<<<<<<< HEAD\n]}', 'FOLDER.JOURNAL'],
    ['entries without a time', '{"entries": [{"idx": 0, "tag": "0000_a"}]}', 'FOLDER.JOURNAL'],
    ['a tag twice', journalOf([entry(0, 1), entry(1, 2)]), 'FOLDER.JOURNAL'],
    ['another database system', journalOf([], 'sqlite'), 'FOLDER.DIALECT'],
    ['nothing', journalOf([]), 'FOLDER.EMPTY'],
  ])('rejects a journal with %s', (_, journal, code) => {
    const files = folderOfTags(['0000_a'], { 'drizzle/meta/_journal.json': journal });
    expect(codeOf(() => read(files))).toBe(code);
  });
});

describe('a row of Drizzle 0.x', () => {
  const folder = read(folderOfTags(['0000_a', '0001_b', '0002_c']));
  const hash = (name: string) => sha256(`SELECT '${name}';`);

  const appliedOf = (rows: [hash: string, createdAt: number | null][]) => {
    const { tracking, migrations } = folder;
    const numbered = rows.map(([recorded, createdAt], index) => ({
      id: index + 1,
      hash: recorded,
      created_at: createdAt,
    }));
    const { applied, findings } = tracking.toApplied(numbered, migrations);
    return { names: applied.map(({ name }) => name), findings: codesOf(findings) };
  };

  it('matches the migration with its time, whatever its hash', () => {
    expect(appliedOf([['edited', 1000]])).toEqual({ names: ['0000_a'], findings: [] });
  });

  it('matches the migration with its hash when none has its time', () => {
    expect(appliedOf([[hash('0000_a'), 999]])).toEqual({
      names: ['0000_a'],
      findings: ['recorded-at-another-time 0000_a'],
    });
  });

  it('has a name even without a migration', () => {
    expect(appliedOf([['0123456789abcdef', 999]])).toEqual({
      names: ['row 1 (0123456789ab…)'],
      findings: ['missing-file row 1 (0123456789ab…)'],
    });
  });

  describe('of twins', () => {
    const twinsOf = (whens: number[], contents: string[]) => {
      const entries = whens.map((when, idx) => ({ idx, when, tag: `t${idx}` }));
      return read({
        'drizzle/meta/_journal.json': journalOf(entries),
        ...Object.fromEntries(contents.map((text, idx) => [`drizzle/t${idx}.sql`, text])),
      });
    };

    const namesOf = ({ tracking, migrations }: Folder, rows: [text: string, at: number][]) => {
      const numbered = rows.map(([text, at], id) => ({ id, hash: sha256(text), created_at: at }));
      const { applied, findings } = tracking.toApplied(numbered, migrations);
      return [...applied.map(({ name }) => name), ...findings.map(({ code }) => code)];
    };

    it('with one time are matched by hash', () => {
      const twins = twinsOf([1000, 1000], ['a', 'b']);
      const both: [string, number][] = [
        ['b', 1000],
        ['a', 1000],
      ];
      expect(namesOf(twins, both)).toEqual(['t1', 't0']);
      expect(namesOf(twins, [['a', 1000]])).toEqual(['t0', 'skipped-by-drizzle']);
    });

    it('with one hash are matched by time', () => {
      const twins = twinsOf([1000, 2000], ['a', 'a']);
      expect(namesOf(twins, [['a', 2000]])).toEqual(['t1', 'out-of-order']);
      const twice: [string, number][] = [
        ['a', 1000],
        ['a', 1000],
      ];
      expect(namesOf(twins, twice)).toEqual(['t0', 'duplicate-row']);
    });
  });

  it('is reported when it is a duplicate', () => {
    const rows: [string, number][] = [1, 2].map(() => [hash('0000_a'), 1000]);
    expect(appliedOf(rows)).toEqual({
      names: ['0000_a'],
      findings: [expect.stringMatching(/^duplicate-row row 2/)],
    });
  });

  it('is reported when it makes Drizzle skip pending migrations', () => {
    expect(appliedOf([[hash('0002_c'), 3000]]).findings).toEqual([
      'out-of-order 0000_a',
      'out-of-order 0001_b',
    ]);
  });

  it('is reported when its time is in the future', () => {
    expect(appliedOf([[hash('0002_c'), 32503680000000]]).findings).toContainEqual(
      expect.stringMatching(/^recorded-in-the-future row 1/),
    );
  });
});

describe('a folder of Drizzle 1.0', () => {
  const files = (...names: string[]) =>
    Object.fromEntries(
      names.flatMap((name) => [
        [`drizzle/${name}/migration.sql`, `SELECT '${name}';`],
        [`drizzle/${name}/snapshot.json`, '{}'],
      ]),
    );

  it('is found by its folders, and runs in the order of their names', () => {
    const names = ['20250102030405_b', '20250102030405_a', '20240102030405_c'];
    const folder = read({ ...files(...names), [`drizzle/${names[0]}/down.sql`]: 'undo b' });
    expect(folder.format.name).toBe('drizzle');
    expect(folder.migrations.map(({ name }) => name)).toEqual(names.toReversed());
    expect(folder.migrations[0]).toMatchObject({
      hash: sha256(`SELECT '${names[2]}';`),
      row: { when: Date.UTC(2024, 0, 2, 3, 4, 5) },
    });
    expect(folder.migrations.map(({ down }) => down?.kind)).toEqual([undefined, undefined, 'sql']);
    expect(folder.findings).toEqual([]);
  });

  it('is not one of Prisma', () => {
    const prisma = { 'drizzle/20250102030405_a/migration.sql': '' };
    const matches = (others: Files) => {
      const root = folderOf({ ...prisma, ...others });
      const names = ['20250102030405_a', ...Object.keys(others).map((name) => name.slice(8))];
      return drizzle.matches(`${root}/drizzle`, names);
    };
    expect(matches({ 'drizzle/20250102030405_a/snapshot.json': '{}' })).toBe(true);
    expect(matches({})).toBe(false);
    expect(matches({ 'drizzle/migration_lock.toml': '' })).toBe(false);
  });

  it.each<[string, Files, string]>([
    ['folders without a time', files('init'), 'folder-without-time init'],
    [
      'folders without a migration',
      { 'drizzle/20250102030406_b/snapshot.json': '{}' },
      'missing-file 20250102030406_b',
    ],
    ['files in no folder', { 'drizzle/0001_b.sql': '' }, 'unlisted-file 0001_b.sql'],
  ])('reports %s', (_, others, expected) => {
    const { migrations, findings } = read({ ...files('20250102030405_a'), ...others });
    expect(migrations).toHaveLength(1);
    expect(codesOf(findings)).toEqual([expected]);
  });
});

describe('a statement breakpoint', () => {
  const marker = '--> statement-breakpoint';

  it.each([
    `a;${marker}\nb;`,
    `a;\n${marker}\nb;\n${marker}`,
    `a;${marker}\r\nb;\r\n`,
    `${marker}\na`,
    'no marker',
  ])('stays a comment where the server needs nothing else: %j', (text) => {
    expect(separateStatements(text)).toBe(text);
  });

  it.each([
    ['the statement before it has no semicolon', 'a\n', '\nb', ';'],
    ['a statement follows on its line', 'a;', ' b;', ';'],
    ['a comment precedes it', 'a -- x;\n', '\nb', ';'],
    ['it is within a comment', 'a -- x ', ' b', '\n;'],
  ])('becomes a semicolon where %s', (_, before, after, separator) => {
    const padded = separator.padEnd(marker.length);
    expect(separateStatements(before + marker + after)).toBe(before + padded + after);
  });
});

function entry(idx: number, when: number, tag = '0000_a'): Entry {
  return { idx, when, tag };
}

function sql(tag: string): Files {
  return { [`drizzle/${tag}.sql`]: '' };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DbopsError) return error.code;
    throw error;
  }
  return 'none';
}
