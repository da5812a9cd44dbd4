import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { shells } from '../../src/completion/scripts.ts';
import { folderOf, program, runCli, runShell } from './run-cli.ts';

const project = () =>
  folderOf({
    'migrations/0001_orders.up.sql': 'CREATE TABLE orders (id int)',
    'migrations/0002_items.up.sql': 'CREATE TABLE items (id int)',
    'backfills/totals.json': JSON.stringify({
      summary: 'fill totals',
      targets: [{ table: 'orders', set: 'total = 1' }],
    }),
    'reports/churn.sql': '-- title: Churn\nSELECT 1',
    'dbops.config.mjs': `export default {
      databaseUrl: 'postgres://u:secret@127.0.0.1:1/shop',
      seeds: { users: { summary: 'test users', table: 'users', key: ['id'], rows: [] } },
      checks: { 'no-total': { sql: 'SELECT 1' } },
    };`,
  });

/** Returns the words that complete a line; its last word is the one at the cursor. */
async function complete(line: string, cwd = project()): Promise<string[]> {
  const { exitCode, stdout, stderr } = await runCli(['__complete', ...line.split(' ')], { cwd });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((each) => each.split('\t')[0] ?? '');
}

describe('completion', () => {
  it.each([
    ['', ['demo', 'init', 'migrate', 'verify', 'report', 'help', 'completion']],
    ['mi', ['migrate']],
    ['migrate ', ['status', 'up', 'down', 'squash']],
    ['migrate up --st', ['--steps', '--statement-timeout']],
    ['migrate up --to ', ['0001_orders', '0002_items']],
    ['migrate up --to 0002', ['0002_items']],
    ['migrate up --yes --format ', ['drizzle', 'prisma', 'dbops']],
    ['--database-url pglite:x rescue restore ', ['0001_orders']],
    ['repair-tracking --assume 0001_orders ', ['0002_items']],
    ['backfill run ', ['totals']],
    ['report ', ['usage', 'list', 'churn']],
    ['seed --only ', ['users']],
    ['verify s', ['schema', 'security', 'server', 'smoke']],
    ['verify --ignore ', ['no-total:*']],
    ['migrate down --confirm ', ['shop']],
    ['report sql ', [':files']],
    ['verify --baseline ', [':files']],
    ['help ', ['migrate', 'options', 'exit-codes']],
    ['help migrate ', ['up']],
    ['completion ', ['bash', 'zsh', 'fish', 'powershell']],
  ])('of "%s" offers %j', async (line, words) => {
    expect(await complete(line)).toEqual(expect.arrayContaining(words));
  });

  it.each([
    'migrate up ',
    'nothing ',
    'migrate up --steps ',
    'report nothing ',
    'migrate nothing ',
  ])('of "%s" offers nothing', async (line) => expect(await complete(line)).toEqual([]));

  it('offers nothing, and prints no error, where the project cannot be read', async () => {
    const cwd = folderOf({ 'dbops.config.mjs': 'export default {' });
    expect(await complete('migrate up --to ', cwd)).toEqual([]);
    expect(await complete('seed --only ', cwd)).toEqual([]);
  });

  it('takes control characters out of the names of a project', async () => {
    const cwd = folderOf({ 'reports/a.sql': '-- title: A\u001b[31m red\nSELECT 1' });
    const { stdout } = await runCli(['__complete', 'report', 'a'], { cwd });
    expect(stdout).toBe('a\tA red\n');
  });

  it.each(shells)('prints a script for %s', async (shell) => {
    const { exitCode, stdout } = await runCli(['completion', shell]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('__complete');
    expect(stdout).not.toContain('\\{');
  });

  it('works in bash', async () => {
    const cwd = project();
    const script = `
      dbops() { ${program} "$@"; }
      source <(dbops completion bash)
      _dbops_words() { dbops __complete "$@"; }
      COMP_WORDS=(dbops migrate up --to 00); COMP_CWORD=4
      _dbops; echo "$\{COMPREPLY[*]}"
      COMP_WORDS=(dbops migr); COMP_CWORD=1
      _dbops; echo "$\{COMPREPLY[*]}"
      COMP_WORDS=(dbops report sql ''); COMP_CWORD=3
      _dbops; echo "files: $\{#COMPREPLY[@]}"
      complete -p dbops`;
    expect(await runShell(script.replaceAll('\\{', '{'), { cwd })).toEqual({
      exitCode: 0,
      stdout: '0001_orders 0002_items\nmigrate\nfiles: 0\ncomplete -F _dbops dbops\n',
      stderr: '',
    });
  });
});

describe('what programs read', () => {
  it('lists every command, flag and exit code with help --json', async () => {
    const { exitCode, stdout } = await runCli(['help', '--json']);
    const document = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(document).toMatchObject({ command: 'help', ok: true, version: expect.any(String) });
    expect(document.commands.map(({ words }: { words: string }) => words)).toEqual(
      commands.map(({ words }) => words),
    );
    const options = document.commands.flatMap(({ options: own }: { options: object[] }) => own);
    for (const option of [...options, ...document.commonOptions])
      expect(option).toMatchObject({ name: expect.stringMatching(/^--[a-z-]+$/) });
    expect(document.commonOptions).toContainEqual({
      name: '--quiet',
      short: '-q',
      variadic: false,
      description: 'print less on stderr',
    });
    expect(document.exitCodes).toContainEqual({ code: 4, meaning: expect.any(String) });
  });

  it('lists one command, or those of a noun', async () => {
    const wordsOf = async (line: string) => {
      const { stdout } = await runCli(line.split(' '));
      return JSON.parse(stdout).commands.map(({ words }: { words: string }) => words);
    };
    expect(await wordsOf('help migrate up --json')).toEqual(['migrate up']);
    expect(await wordsOf('help --json env')).toEqual(['env show', 'env set']);
  });

  it('reports an unknown command of help --json as an error', async () => {
    const { exitCode, stdout } = await runCli(['help', 'nothing', '--json']);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'USAGE' } });
  });

  it('prints the version as JSON', async () => {
    const { version } = JSON.parse(execFileSync('cat', ['package.json'], { encoding: 'utf8' }));
    const { exitCode, stdout } = await runShell(`${program} --version --json`);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      command: 'version',
      ok: true,
      version,
      node: process.versions.node,
    });
    expect(await runShell(`${program} -V`)).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
  });
});
