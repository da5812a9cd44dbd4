import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { commitAll, gitIn } from '../migrate/git.ts';

type Files = Record<string, string>;

/** A repository whose branch `main` has the files, and the branch `work`, which is checked out. */
function repository(files: Files): { root: string; git: ReturnType<typeof gitIn> } {
  const root = folderOf(files);
  commitAll(root);
  const git = gitIn(root);
  git('branch', '-M', 'main');
  git('checkout', '--quiet', '-b', 'work');
  return { root, git };
}

async function check(root: string, words: string[] = [], environment: Files = {}) {
  const surroundings = { environment: { NO_COLOR: '1', ...environment }, cwd: root };
  const answer = await runCli(['check', ...words, '--json'], surroundings);
  const { findings = [], ...rest } = JSON.parse(answer.stdout) as {
    findings?: { code: string; severity: string; key: string; message: string }[];
    base?: unknown;
    error?: { code: string; hint: string };
  };
  return { ...rest, exitCode: answer.exitCode, findings, keys: findings.map(({ key }) => key) };
}

const users = 'CREATE TABLE users (id int PRIMARY KEY);\n';

const folders: [tool: string, files: Files, added: (number: string) => string][] = [
  [
    'dbops',
    {
      'migrations/0001_users.up.sql': users,
      'migrations/0001_users.down.sql': 'DROP TABLE users;',
      'migrations/0003_b.up.sql': 'CREATE TABLE b (id int);',
    },
    (number) => `migrations/000${number}_new.up.sql`,
  ],
  [
    'dbmate',
    {
      'db/migrations/20240101000001_users.sql': `-- migrate:up\n${users}\n-- migrate:down\nDROP TABLE users;\n`,
      'db/migrations/20240101000003_b.sql':
        '-- migrate:up\nCREATE TABLE b (id int);\n-- migrate:down\n',
    },
    (number) => `db/migrations/2024010100000${number}_new.sql`,
  ],
  [
    'supabase',
    {
      'supabase/migrations/20240101000001_users.sql': users,
      'supabase/migrations/20240101000003_b.sql': 'CREATE TABLE b (id int);',
    },
    (number) => `supabase/migrations/2024010100000${number}_new.sql`,
  ],
  [
    'prisma',
    {
      'prisma/migrations/20240101000001_users/migration.sql': users,
      'prisma/migrations/20240101000003_b/migration.sql': 'CREATE TABLE b (id int);',
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
    },
    (number) => `prisma/migrations/2024010100000${number}_new/migration.sql`,
  ],
];
const added = (tool: string) =>
  `${tool === 'dbmate' ? '-- migrate:up\n' : ''}CREATE TABLE fresh (id int);\n${tool === 'dbmate' ? '-- migrate:down\n' : ''}`;

describe('check, against a base branch', () => {
  it.each(folders)(
    'finds %s migrations that come too early, were edited or removed',
    async (tool, files, name) => {
      const { root } = repository(files);
      expect(await check(root, ['--base', 'main'])).toMatchObject({ exitCode: 0, findings: [] });
      const add = (file: string) => {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), added(tool));
      };
      add(name('4'));
      expect(await check(root, ['--base', 'main'])).toMatchObject({ exitCode: 0, findings: [] });
      rmSync(join(root, tool === 'prisma' ? dirname(name('4')) : name('4')), { recursive: true });
      add(name('2'));
      const [first = '', second = ''] = Object.keys(files).filter(
        (file) => !file.includes('.down'),
      );
      writeFileSync(join(root, first), (files[first] ?? '').replace('id int', 'id bigint'));
      rmSync(join(root, tool === 'prisma' ? dirname(second) : second), { recursive: true });
      const { keys, exitCode } = await check(root, ['--base', 'main']);
      expect(exitCode).toBe(4);
      expect(keys.map((key) => key.replace(/:.*/, ''))).toEqual([
        'edited',
        'removed',
        'out-of-order',
      ]);
    },
  );

  it('finds a number that the base branch has given to another file meanwhile', async () => {
    const { root, git } = repository({ 'migrations/0001_users.up.sql': users });
    git('checkout', '--quiet', 'main');
    writeFileSync(join(root, 'migrations/0002_theirs.up.sql'), 'CREATE TABLE theirs (id int);');
    git('add', '.');
    git('commit', '--quiet', '-m', 'theirs');
    git('checkout', '--quiet', 'work');
    writeFileSync(join(root, 'migrations/0002_ours.up.sql'), 'CREATE TABLE ours (id int);');
    expect((await check(root, ['--base', 'main'])).keys).toEqual(['duplicate:0002_ours']);
    expect((await check(root, ['--base', 'HEAD'])).keys).toEqual([]);
  });

  it('takes no change of the base branch for an edit of this branch', async () => {
    const { root, git } = repository({ 'migrations/0001_users.up.sql': users });
    git('checkout', '--quiet', 'main');
    writeFileSync(join(root, 'migrations/0001_users.up.sql'), `-- reviewed\n${users}`);
    git('commit', '--quiet', '-am', 'theirs');
    git('checkout', '--quiet', 'work');
    expect((await check(root, ['--base', 'main'])).keys).toEqual([]);
    writeFileSync(join(root, 'migrations/0001_users.up.sql'), `-- ours\n${users}`);
    const { findings } = await check(root, ['--base', 'main']);
    expect(findings).toMatchObject([{ code: 'edited', severity: 'warning' }]);
  });

  it('reads the base branch of a pull request from the variables of the CI system', async () => {
    const { root, git } = repository({ 'migrations/0001_users.up.sql': users });
    git('update-ref', 'refs/remotes/origin/main', 'main');
    writeFileSync(join(root, 'migrations/0001_users.up.sql'), 'CREATE TABLE others (id int);');
    for (const name of ['GITHUB_BASE_REF', 'CI_MERGE_REQUEST_TARGET_BRANCH_NAME']) {
      const { keys, base } = await check(root, [], { [name]: 'main' });
      expect({ keys, base }).toEqual({
        keys: ['edited:0001_users'],
        base: { revision: 'origin/main', source: name },
      });
    }
    const without = await runCli(['check'], { environment: { NO_COLOR: '1' }, cwd: root });
    expect(without).toMatchObject({ exitCode: 0 });
    expect(without.stdout).toContain('not checked: no base branch is known');
  });

  it('names the git command that helps where git cannot read the base', async () => {
    const { root, git } = repository({ 'migrations/0001_users.up.sql': users });
    const hintOf = async (place: string, base: string) =>
      (await check(place, ['--base', base])).error?.hint ?? '';
    expect(await hintOf(root, 'origin/main')).toContain('git fetch origin main');
    expect(await hintOf(root, '--output=x')).toContain('git fetch');
    expect(await hintOf(folderOf({ 'migrations/0001_users.up.sql': users }), 'main')).toContain(
      '--base',
    );
    writeFileSync(join(root, 'more'), '');
    git('add', '.');
    git('commit', '--quiet', '-m', 'second');
    const clone = mkdtempSync(join(inject('scratch'), 'clone-'));
    gitIn(clone)('clone', '--quiet', '--depth=1', '--no-single-branch', `file://${root}`, '.');
    expect(await hintOf(clone, 'origin/main')).toContain('git fetch --unshallow origin');
  });
});

describe('check, of a folder alone', () => {
  it.each<[string, Files, string[]]>([
    [
      'a number used twice',
      { '0001_a.up.sql': 'SELECT 1', '0001_b.up.sql': 'SELECT 1' },
      ['duplicate:0001_a', 'duplicate:0001_b'],
    ],
    ['a syntax error', { '0001_a.up.sql': 'CREATE TABEL a (id int)' }, ['invalid-file:0001_a']],
    [
      'a syntax error of a down file',
      { '0001_a.up.sql': 'CREATE TABLE a (id int)', '0001_a.down.sql': 'DROP TABEL a' },
      ['invalid-file:0001_a (down)'],
    ],
    ['a psql command', { '0001_a.up.sql': '\\copy a FROM stdin' }, ['invalid-file:0001_a']],
    [
      'a migration that does not run',
      { '0001_a.up.sql': users, '0002_b.up.sql': 'ALTER TABLE missing ADD a int' },
      ['replay-failed:0002_b'],
    ],
    [
      'down files that restore another schema',
      {
        '0001_a.up.sql': 'CREATE TABLE a (id int)',
        '0001_a.down.sql': 'DROP TABLE a',
        '0002_b.up.sql': 'CREATE TABLE b (id int); CREATE TABLE c (id int)',
        '0002_b.down.sql': 'DROP TABLE b',
        '0003_d.up.sql': 'ALTER TABLE c ADD d int',
        '0003_d.down.sql': 'ALTER TABLE c DROP d',
      },
      ['unproven-down:0002_b'],
    ],
  ])('finds %s', async (_, files, keys) => {
    const root = folderOf(
      Object.fromEntries(Object.entries(files).map(([name, sql]) => [`migrations/${name}`, sql])),
    );
    const found = await check(root);
    expect(found.keys).toEqual(keys);
    expect(found.exitCode).toBe(4);
    expect(await check(root, ['--ignore', '*'])).toMatchObject({ exitCode: 0, findings: [] });
  });
});
