import { describe, expect, it } from 'vitest';
import { commands, groups } from '../../src/commands/index.ts';
import { commonOptions } from '../../src/output/help.ts';
import { exitCodes } from '../../src/errors.ts';
import { folderOf, runCli } from './run-cli.ts';

const nowhere = { DATABASE_URL: 'postgres://u@127.0.0.1:1/shop' };

const seeds = { users: { table: 'users', key: ['email'], rows: [] } };

describe('a command line with a mistake exits with 2, tries nothing and says', () => {
  it.each([
    ['the option that was meant', 'migrate status --chek', '(Did you mean --check?)'],
    ['the noun that was meant', 'migrat status', '(Did you mean migrate?)'],
    ['the verb that was meant', 'migrate sttus', '(Did you mean status?)'],
    ['the noun of a verb', 'up', '(Did you mean migrate up?)'],
    ['the noun of a verb', 'down --steps 2', '(Did you mean migrate down?)'],
    ['the nouns of a verb', 'status', '(Did you mean one of migrate status, backfill status?)'],
    ['the help of that command', 'migrate up --chek', 'See: dbops migrate up --help'],
    ['the help of that noun', 'migrate sttus', 'See: dbops migrate --help'],
    ['the help of the common options', 'env show --lock-timeout 2x', 'See: dbops help options'],
    ['which argument is missing', 'migrate new', "missing required argument 'name'"],
    ['which value is missing', 'migrate up --to', "option '--to <name>' argument missing"],
    ['that there are too many arguments', 'env show all', 'too many arguments'],
    ['what a count looks like', 'migrate up --steps 0', '--steps: expected a whole number of'],
    ['what a count looks like', 'migrate down --steps many', '--steps: expected a whole number'],
    ['what a duration looks like', 'migrate up --wait soon', '--wait: expected a duration such'],
    [
      'which durations it took',
      'env show --lock-timeout 2x',
      '--lock-timeout: expected a duration',
    ],
    ['which months there are', 'report usage --period 2026-13', '--period: expected a month'],
    ['which instants there are', 'report credits --as-of soon', '--as-of: expected a time'],
    ['which checks there are', 'verify all', 'dbops verify --list'],
    ['how a backfill is defined', 'backfill run', 'backfills/NAME.json'],
    ['which sets there are', 'seed --only planets', 'Seed sets: users'],
    ['which formats there are', 'migrate status --format flyway', 'Use one of: drizzle, prisma'],
    ['which file is not there', 'env show --config gone.json', 'gone.json'],
  ])('%s: dbops %s', async (_, line, message) => {
    const { exitCode, stdout, stderr } = await runCli(line.split(' '), {
      environment: nowhere,
      cwd: folderOf({
        'migrations/0001_a.up.sql': 'SELECT 1;',
        'dbops.config.json': JSON.stringify({ seeds }),
      }),
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/→ ./);
  });

  it('every wrong option at once', async () => {
    const line = 'env show --lock-timeout soon --statement-timeout never';
    const { stderr } = await runCli(line.split(' '), { environment: nowhere });
    expect(stderr).toContain('--lock-timeout: expected a duration');
    expect(stderr).toContain('--statement-timeout: expected a duration');
  });
});

describe('help', () => {
  const lines = ['', ...commands.map(({ words }) => words)];

  it.each(lines)('of "dbops %s" is the answer, and ends with examples', async (words) => {
    const argv = [...words.split(' ').filter(Boolean), '--help'];
    const { exitCode, stdout, stderr } = await runCli(argv);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const examples = stdout.split('Examples:\n')[1]?.trimEnd().split('\n') ?? [];
    expect(examples.length).toBeGreaterThanOrEqual(2);
    expect(examples.length).toBeLessThanOrEqual(3);
    for (const example of examples) expect(example).toMatch(/^ {2}dbops /);
    expect(examples[0]).toContain(`dbops ${words}`);
  });

  it.each(commands)('of "dbops $words" names the common options in one line', async ({ words }) => {
    const { stdout } = await runCli([...words.split(' '), '--help']);
    expect(stdout).toContain(
      '\nCommon options: --database-url, --json, --yes, … (see dbops help options)\n',
    );
  });

  it('lists every command at its level', async () => {
    const { stdout } = await runCli(['--help']);
    for (const { words } of commands)
      expect(stdout).toMatch(new RegExp(`^  ${words.split(' ')[0]} `, 'm'));
    for (const noun of Object.keys(groups)) {
      const verbs = commands
        .map(({ words }) => words.split(' '))
        .filter(([first, verb]) => first === noun && verb !== undefined);
      const { stdout: ofNoun } = await runCli([noun, '--help']);
      for (const [, verb] of verbs) expect(ofNoun).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
  });

  it('fits a terminal of 80 columns', async () => {
    const { stdout } = await runCli(['migrate', 'up', '--help'], {
      columns: 80,
      environment: { NO_COLOR: '1' },
    });
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it.each([
    ['help', ''],
    ['help migrate', 'migrate'],
    ['help migrate up', 'migrate up'],
    ['help seed', 'seed'],
    ['help verify schema', 'verify'],
    ['migrate help', 'migrate'],
    ['migrate help up', 'migrate up'],
  ])('asked for as "dbops %s" is that of "dbops %s"', async (line, words) => {
    const asked = await runCli(line.split(' '));
    const usual = await runCli([...words.split(' ').filter(Boolean), '--help']);
    expect(asked).toEqual(usual);
    expect(asked.exitCode).toBe(0);
  });

  it.each([
    ['help plumb', "unknown command 'plumb'"],
    ['help migrate plumb', "unknown command 'plumb'"],
    ['help up', '(Did you mean migrate up?)'],
  ])('asked for as "dbops %s" reports an unknown command', async (line, message) => {
    const { exitCode, stdout, stderr } = await runCli(line.split(' '));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('explains the common options on a page of their own', async () => {
    const { exitCode, stdout } = await runCli(['help', 'options'], {
      columns: 80,
      environment: { NO_COLOR: '1' },
    });
    expect(exitCode).toBe(0);
    for (const [, options] of commonOptions)
      for (const [notation] of options) expect(stdout).toContain(`  ${notation} `);
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('explains every exit code', async () => {
    const { exitCode, stdout } = await runCli(['help', 'exit-codes']);
    expect(exitCode).toBe(0);
    for (const code of Object.values(exitCodes))
      expect(stdout).toMatch(new RegExp(`^  ${code} `, 'm'));
  });

  it('shows the options of the command before the common ones', async () => {
    const { stdout } = await runCli(['migrate', 'up', '--help']);
    expect(stdout.indexOf('--dry-run')).toBeLessThan(stdout.indexOf('--database-url'));
    expect(stdout).not.toContain('--database-url <url>');
  });

  it('has colours on a terminal only', async () => {
    const titled = '\u001b[1mUsage:\u001b[22m';
    expect((await runCli(['migrate', 'up', '--help'], { columns: 80 })).stdout).toContain(titled);
    expect((await runCli(['migrate', 'up', '--help'])).stdout).not.toContain('\u001b');
    const environment = { NO_COLOR: '1' };
    const plain = await runCli(['migrate', 'up', '--help'], { columns: 80, environment });
    expect(plain.stdout).not.toContain('\u001b');
  });

  it.each([[[]], [['migrate']], [['report']]])(
    'is printed for the missing rest of %j, on stderr, with 2',
    async (argv) => {
      const { exitCode, stdout, stderr } = await runCli(argv);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain('Usage: dbops');
    },
  );
});

it('prints its version', async () => {
  const { exitCode, stdout, stderr } = await runCli(['--version']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
});
