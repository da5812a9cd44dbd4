import { describe, expect, it } from 'vitest';
import { commands, groups } from '../../src/commands/index.ts';
import { folderOf, runCli } from './run-cli.ts';

const nowhere = { DATABASE_URL: 'postgres://u@127.0.0.1:1/shop' };

describe('a command line with a mistake exits with 2, tries nothing and says', () => {
  it.each([
    ['the option that was meant', 'migrate status --chek', '(Did you mean --check?)'],
    ['the noun that was meant', 'migrat status', '(Did you mean migrate?)'],
    ['the verb that was meant', 'migrate sttus', '(Did you mean status?)'],
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
    ['which checks there are', 'verify all', 'argument 1'],
    ['which backfills there are', 'backfill run users', 'Known backfills: organization-id'],
    ['which sets there are', 'seed --only planets', 'Known sets: users'],
    ['which formats there are', 'migrate status --format flyway', 'Use one of: drizzle, prisma'],
    ['which file is not there', 'env show --config gone.json', 'gone.json'],
  ])('%s: dbops %s', async (_, line, message) => {
    const { exitCode, stdout, stderr } = await runCli(line.split(' '), {
      environment: nowhere,
      cwd: folderOf({ 'migrations/0001_a.up.sql': 'SELECT 1;' }),
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
    for (const example of examples) expect(example).toMatch(/^ {2}(dbops|npm run) /);
    expect(examples[0]).toContain(`dbops ${words}`);
  });

  it.each(commands)('of "dbops $words" has the common options', async ({ words }) => {
    const { stdout } = await runCli([...words.split(' '), '--help']);
    for (const option of [
      '--database-url',
      '--json',
      '--yes',
      '--no-input',
      '--confirm',
      '--quiet',
    ])
      expect(stdout).toContain(option);
  });

  it('lists every command at its level', async () => {
    const { stdout } = await runCli(['--help']);
    for (const { words } of commands)
      expect(stdout).toMatch(new RegExp(`^  ${words.split(' ')[0]} `, 'm'));
    for (const noun of Object.keys(groups)) {
      const verbs = commands
        .map(({ words }) => words.split(' '))
        .filter(([first]) => first === noun);
      const { stdout: ofNoun } = await runCli([noun, '--help']);
      for (const [, verb] of verbs) expect(ofNoun).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
  });

  it('fits a terminal of 80 columns', async () => {
    const { stdout } = await runCli(['migrate', 'up', '--help'], { columns: 80 });
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it.each([[['help']], [['help', 'migrate']]])(
    'asked for as %j is the answer too',
    async (argv) => {
      const { exitCode, stdout, stderr } = await runCli(argv);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toContain('Usage: dbops');
    },
  );

  it.each([[[]], [['migrate']], [['report']]])(
    'stands in for the missing rest of %j, on stderr, with 2',
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
