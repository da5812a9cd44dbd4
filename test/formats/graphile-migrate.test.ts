import fc from 'fast-check';
import { calculateHash } from 'graphile-migrate/dist/hash.js';
import { parseMigrationText } from 'graphile-migrate/dist/migration.js';
import { describe, expect, it } from 'vitest';
import { parseCommitted } from '../../src/formats/graphile-migrate/committed.ts';
import { graphileMigrate } from '../../src/formats/graphile-migrate/index.ts';
import { folderOf } from '../cli/run-cli.ts';
import { commit } from '../interop/graphile-project.ts';

type Files = Record<string, string>;

const first = 'migrations/committed/000001.sql';
const second = 'migrations/committed/000002-b.sql';
const committed = commit([{ body: 'SELECT 1;' }, { slug: 'b', body: 'SELECT 2;' }]);

function read(files: Files) {
  const directory = `${folderOf(files)}/migrations`;
  const { findFlaws, findings, ...contents } = graphileMigrate.read(directory, [
    'committed',
    'current.sql',
  ]);
  return { ...contents, findings: [...(findFlaws?.() ?? []), ...findings] };
}

/** The folder with one file changed. */
function edited(file: string, change: (text: string) => string): Files {
  return { ...committed, [file]: change(committed[file] ?? '') };
}

describe('the format graphile-migrate', () => {
  it('reads names, hashes and the chain, and finds no problems', () => {
    const { migrations, findings } = read(committed);
    expect(findings).toEqual([]);
    const [one, two] = migrations;
    expect(migrations.map(({ name, version }) => [name, version])).toEqual([
      ['000001', '000001'],
      ['000002-b', '000002'],
    ]);
    expect(committed[first]).toContain(`--! Hash: ${one?.hash}\n`);
    expect(committed[second]).toContain(`--! Previous: ${one?.hash}\n--! Hash: ${two?.hash}\n`);
    expect(two?.up).toMatchObject({ sql: '\n\n\nSELECT 2;\n' });
  });

  it('takes the mark only on the first line of the body', () => {
    const { migrations } = read(
      commit([
        { body: '--! no-transaction\nSELECT 1;' },
        { body: 'SELECT 1;\n--! no-transaction\n' },
      ]),
    );
    expect(migrations[0]?.up).toMatchObject({ noTransaction: true });
    expect(migrations[1]?.up).toMatchObject({ noTransaction: false });
  });

  it.each([
    ['an edited body', first, (text: string) => text.replace('1;', '11;'), 'hash-mismatch'],
    ['CRLF line endings', first, (text: string) => text.replaceAll('\n', '\r\n'), 'line-endings'],
    ['no empty line', first, (text: string) => text.replace('\n\n', '\n'), 'broken-header'],
    ['no hash', second, (text: string) => text.replace(/--! Hash.*\n/, ''), 'broken-header'],
    [
      'two hashes',
      second,
      (text: string) => text.replace(/(--! Hash.*\n)/, '$1$1'),
      'broken-header',
    ],
    [
      'a needless AllowInvalidHash',
      first,
      (text: string) => text.replace('\n\n', '\n--! AllowInvalidHash\n\n'),
      'needless-allow-invalid-hash',
    ],
  ])('reports and refuses to run a file with %s', (_, file, change, code) => {
    const { migrations, findings } = read(edited(file, change));
    const name = file.replace('migrations/committed/', '').replace('.sql', '');
    expect(findings.find(({ where }) => where.object === name)).toMatchObject({
      code,
      severity: 'error',
    });
    const flawed = migrations.find((migration) => migration.name === name);
    expect(() => (flawed?.up.kind === 'sql' ? flawed.up.sql : '')).toThrow(name);
  });

  it('does not report a file for an edit of the previous one', () => {
    const { findings } = read(edited(first, (text) => text.replace('1;', '11;')));
    expect(findings.map(({ where }) => where.object)).toEqual(['000001']);
  });

  it('reports two branches that committed after the same migration', () => {
    const [, , theirs = ''] = Object.values(commit([{ body: 'SELECT 1;' }, { body: 'SELECT 3;' }]));
    const { findings } = read({ ...committed, 'migrations/committed/000003.sql': theirs });
    expect(findings).toMatchObject([{ code: 'broken-chain', where: { object: '000003' } }]);
  });

  it('has the same hash for a checkout with CRLF, and the recorded one for an allowed edit', () => {
    const { migrations } = read(committed);
    const crlf = read(edited(first, (text) => text.replaceAll('\n', '\r\n')));
    const allowed = read(
      edited(first, (text) =>
        text.replace('\n\n', '\n--! AllowInvalidHash\n\n').replace('1;', '2;'),
      ),
    );
    expect(crlf.migrations[0]?.hash).toBe(migrations[0]?.hash);
    expect(allowed.migrations[0]?.hash).toBe(migrations[0]?.hash);
    expect(allowed.findings).toEqual([]);
  });

  it('reports an uncommitted draft, but not a blank one', () => {
    const codes = (draft: string) =>
      read({ ...committed, 'migrations/current.sql': draft }).findings.map(({ code }) => code);
    expect(codes('-- Enter migration here\n/* or; here */\n')).toEqual([]);
    expect(codes('-- next\nSELECT 1;')).toEqual(['uncommitted-draft']);
  });

  it('reports settings that it does not apply', () => {
    const gmrc = `{
      // "afterAllMigrations": ["old.sql"],
      /* "pgSettings": { "a": "b" }, */
      "pgSettings": { "search_path": "app" },
      "beforeAllMigrations": [],
      afterAllMigrations: ['new.sql'],
    }`;
    const { findings } = read({ ...committed, '.gmrc': gmrc });
    expect(findings.map(({ where, severity }) => [where.object, severity])).toEqual([
      ['pgSettings', 'warning'],
      ['afterAllMigrations', 'info'],
    ]);
  });

  it('replaces placeholders as the tool does', () => {
    const body = 'GRANT x ON DATABASE :DATABASE_NAME TO :DATABASE_OWNER, :ROLE, :ROLE_X, :ROLEX;';
    const gmrc = `{ "placeholders": { ":ROLE": "lit", ":ROLE_X": "!ENV", /* ":ROLEX": "no" */ } }`;
    const { migrations } = read({ ...commit([{ body }]), '.gmrc': gmrc });
    const [{ up } = {}] = migrations;
    const text = () => up?.kind === 'sql' && up.sqlFor?.({ database: 'shop', user: 'me' });
    expect(text).toThrow('the environment variable ROLE_X is not set');
    process.env['ROLE_X'] = 'x';
    try {
      expect(text()).toContain('GRANT x ON DATABASE shop TO me, lit, x, :ROLEX;');
    } finally {
      delete process.env['ROLE_X'];
    }
  });

  it.each([
    [['committed', 'current.sql'], {}, true],
    [['committed'], committed, true],
    [['committed'], { 'migrations/committed/000001.sql': 'SELECT 1;' }, false],
    [['current.sql'], {}, false],
  ])('is recognized by %j', (names, files: Files, expected) => {
    const directory = `${folderOf({ ...files, 'migrations/committed/x': '' })}/migrations`;
    expect(graphileMigrate.matches(directory, names)).toBe(expected);
  });
});

describe('beside the tool’s own code', () => {
  it('computes the same hashes and rejects the same files', () => {
    const line = fc.constantFrom(
      '--! Previous: -',
      '--! Previous: sha1:1',
      '--! Hash: sha1:2',
      '--! Message: a: b',
      '--! Message',
      '--! no-transaction',
      'SELECT 1;',
      ' --! Hash: sha1:3',
      '  ',
      '',
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const source = lines.join('\n');
        const { hash, flaw } = parseCommitted(source, 'a');
        const theirs = theirsOf(source);
        const isWhole = theirs?.headers['Previous'] && theirs.headers['Hash'];
        expect(flaw?.code).toBe(isWhole ? 'hash-mismatch' : 'broken-header');
        if (theirs) expect(hash).toBe(theirs.hash);
      }),
    );
  });
});

/** What graphile-migrate makes of a file; nothing when it refuses it. */
function theirsOf(source: string) {
  try {
    const { headers, body } = parseMigrationText('a', source);
    const previous = headers['Previous'] === '-' ? null : (headers['Previous'] ?? null);
    return { headers, hash: calculateHash(body, previous) };
  } catch {
    return undefined;
  }
}
