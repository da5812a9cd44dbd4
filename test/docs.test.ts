import { planPage } from './plan/plan-page.ts';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { main } from '../src/cli.ts';
import { commands } from '../src/commands/index.ts';
import { loadSettings } from '../src/config.ts';
import { isLongRun } from './cases.ts';
import { folderOf, runCli, type Answer } from './cli/run-cli.ts';
import { withSession } from './db/session.ts';
import { newest, targets, withDatabase } from './db/targets.ts';
import { migrated } from './seed/database.ts';
import { checksPage } from './verify/checks-page.ts';

/** What `dbops … --help`, or `dbops help …`, prints in a pipe. */
async function helpOf(words: string): Promise<string> {
  let printed = '';
  const exitCode = await main(words.startsWith('help ') ? words.split(' ') : argvOf(words), {
    stdin: {},
    stdout: { write: (text) => (printed += text) },
    stderr: { write: () => {} },
    environment: {},
    cwd: process.cwd(),
    signal: new AbortController().signal,
  });
  expect(exitCode).toBe(0);
  return printed.trim();
}

function argvOf(words: string): string[] {
  return [...words.split(' ').filter(Boolean), '--help'];
}

describe('the documentation', () => {
  it('has every command as --help prints it (vitest -u writes docs/usage.md)', async () => {
    const sections = [`# Usage\n\n\`\`\`\n${await helpOf('')}\n\`\`\`\n`];
    for (const words of ['help options', 'help exit-codes', ...commands.map((each) => each.words)])
      sections.push(`## ${words}\n\n\`\`\`\n${await helpOf(words)}\n\`\`\`\n`);
    await expect(sections.join('\n')).toMatchFileSnapshot('../docs/usage.md');
  });

  it('has every check of the catalogue (vitest -u writes docs/checks.md)', async () => {
    await expect(await checksPage()).toMatchFileSnapshot('../docs/checks.md');
  });

  it('has what was observed of statements (vitest -u writes docs/plan.md)', async () => {
    await expect(planPage()).toMatchFileSnapshot('../docs/plan.md');
  });

  const pages = [
    'README.md',
    ...readdirSync('docs')
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  ];

  it.each(pages)('links from %s to pages that are there', (page) => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
      ([, link]) => link ?? '',
    );
    expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
  });

  it('has configurations that dbops accepts', async () => {
    const files = pages.flatMap((page) => configurationsOf(page));
    expect(files.length).toBeGreaterThan(10);
    const project = projectOf('postgres://localhost/shop');
    for (const [at, { page, content }] of files.entries()) {
      const config = `${at}.config.ts`;
      project.write(config, content);
      const input = { flags: { config }, environment: {}, cwd: project.root, interactive: true };
      await expect(loadSettings(input), `${page}\n${content}`).resolves.toHaveProperty('root');
    }
  });
});

describe.each(newest)('docs/seed.md on $name', (target) => {
  it('has the output of its example', () =>
    withDatabase(target, async (url) => {
      const project = projectOf(url);
      const [config, tables, output] = blocksOf('docs/seed.md');
      project.write('dbops.config.ts', config?.content ?? '');
      await withSession(url, (session) => session.script(tables?.content ?? ''));
      const [first = '', second = ''] = (output?.content ?? '').split(
        '$ dbops seed --quiet | tail -1\n',
      );
      expect(`$ dbops seed\n${(await project.run('seed')).stdout}`).toBe(first);
      expect((await project.run('seed --quiet')).stdout.endsWith(second)).toBe(true);
    }));
});

describe.each(newest)('docs/report.md on $name', (target) => {
  it('has the usage and the credits of the example of the repository', () =>
    migrated(target, async ({ url, seed }) => {
      await seed();
      const surroundings = {
        environment: { DATABASE_URL: url, NO_COLOR: '1' },
        cwd: process.cwd(),
      };
      const blocks = blocksOf('docs/report.md').flatMap(({ content }) => {
        const [, words, output] =
          /^\$ dbops (report .*--as-of \S+(?: --csv)?)\n([^]*)/.exec(content) ?? [];
        return words === undefined ? [] : [{ words, output }];
      });
      expect(blocks).toHaveLength(3);
      for (const { words, output } of blocks) {
        const { stdout } = await runCli(words.split(' '), surroundings);
        expect(stdout.replaceAll('\r\n', '\n')).toBe(output);
      }
      const [document = ''] = commandsOf('report usage .* --json');
      await compareDocument((words) => runCli(words, surroundings), document);
    }));

  it('has declarations, figures and reports that are those of its tables', () =>
    withDatabase(target, async (url) => {
      await withSession(url, (session) => session.script(reportTables));
      const blocks = blocksOf('docs/report.md');
      const declared = blocks.filter(({ content }) => content.includes('export default'));
      const [usage = '', credits = ''] = declared.map(({ content }) => content);
      const churn = blocks.find(({ content }) => fileOf(content) === 'reports/churn.sql');
      const [inConfiguration = ''] = blocks.flatMap(({ content }) =>
        content.startsWith('reports: {') ? [content] : [],
      );
      // Node loads a module of one path once.
      const projectWith = (config: string, query: string) => {
        const project = projectOf(url);
        project.write('dbops.config.ts', config);
        project.write(query, churn?.content ?? '');
        project.write('orders.sql', 'SELECT * FROM orders');
        return project;
      };
      const ofCredits = projectWith(credits, 'reports/churn.sql');
      const figures = commandsOf('report (?:ledger|reconcile)[^\n]*');
      expect(figures).toHaveLength(2);
      for (const content of figures) await compareOutput(ofCredits, content, '$ dbops ');
      const [document = ''] = commandsOf('report churn .* --json');
      await compareDocument((words) => ofCredits.run(words.join(' ')), document);

      const ofUsage = projectWith(usage, 'reports/churn.sql');
      const lines = blocks
        .filter(({ content }) => /^(?:dbops|echo) /.test(content))
        .flatMap(({ content }) => content.trim().split('\n'));
      expect(lines).toHaveLength(7);
      for (const line of lines) await expectToRun(ofUsage, line);
      for (const page of ['usage.html', 'churn.html'])
        expect(ofUsage.read(page)).toContain('<table');

      const ofReports = projectWith(`export default {\n${inConfiguration}};\n`, 'sql/churn.sql');
      for (const words of ['report plans', 'report churn --param month=2026-11-01'])
        await expectToRun(ofReports, `dbops ${words}`);
    }));
});

/** The tables of the declarations of docs/report.md, and rows with the figures that it shows. */
const reportTables = `
  CREATE TABLE account (id bigint PRIMARY KEY, email text, plan text, balance bigint NOT NULL, cancelled_at timestamptz,
    deleted_at timestamptz);
  CREATE TABLE wallet (account_id bigint REFERENCES account, currency text, granted bigint, spent bigint, monthly bigint,
    reset_day int, renews_at timestamptz, active bool);
  CREATE TABLE wallet_entry (id text PRIMARY KEY, account_id bigint REFERENCES account, kind text, status text,
    amount bigint, created_at timestamptz);
  -- cleo has 4 and no entry, ben has 5 and 5 - 3 = 2, pro has 7 + 20 + 6 = 33.
  INSERT INTO account VALUES (1, 'ann@example.com', 'free', 0, NULL, NULL), (2, 'ben@example.com', 'free', 5, NULL, NULL),
    (3, 'cleo@example.com', 'free', 4, NULL, NULL), (4, 'pro@example.com', 'pro', 33, NULL, NULL),
    (17, 'eve@example.com', 'pro', 0, '2026-11-09 08:30Z', NULL), (18, 'gone@example.com', 'pro', 9, NULL, '2026-01-01Z');
  INSERT INTO wallet_entry VALUES ('b1', 2, 'credit', 'done', 5, '2026-12-01Z'), ('b2', 2, 'debit', 'done', 3, '2026-12-02Z'),
    ('p1', 4, 'credit', 'done', 7, '2026-10-31Z'), ('p2', 4, 'credit', 'done', 20, '2026-11-01Z'),
    ('p3', 4, 'credit', 'done', 6, '2026-11-02Z'), ('p4', 4, 'credit', 'open', 50, '2026-11-03Z');
  CREATE TABLE workspace (id bigint PRIMARY KEY, title text, slug text, tier text, deleted_at timestamptz);
  CREATE TABLE tier_quota (tier text, quota text, amount bigint);
  CREATE TABLE api_key (id bigint PRIMARY KEY, user_id bigint);
  CREATE TABLE llm_call (workspace_id bigint, key_id bigint, ok bool, prompt_tokens bigint, completion_tokens bigint,
    created_at timestamptz);
  CREATE TABLE disk_sample (workspace_id bigint, bytes bigint, sampled_at timestamptz);
  CREATE TABLE member (workspace_id bigint, user_id bigint);
  CREATE TABLE orders (id int);
  INSERT INTO workspace VALUES (1, 'Home', 'home', 'free');
  INSERT INTO tier_quota VALUES ('free', 'seats', 1);
  INSERT INTO member VALUES (1, 1);`;

// The page uses an embedded database, which takes four times as long as a server.
const [fastest, embedded] = [targets.slice(0, 1), targets.slice(-1)];

describe.each(isLongRun ? embedded : fastest)('docs/your-schema.md on $name', (target) => {
  it('has the output of every command, on the files that it shows', () =>
    withDatabase(target, async (url) => {
      const project = projectOf(url);
      for (const { language, content } of blocksOf('docs/your-schema.md')) {
        const file = fileOf(content);
        if (file) project.write(file, content);
        else if (language === 'ts') expect(project.read('dbops.config.ts')).toContain(content);
        else await compareOutput(project, content);
      }
      expect(project.read('tokens.html')).toContain('<svg');

      const corrected = project.read('dbops.config.ts').replace('credits: 40', 'credits: 35');
      project.write('corrected.config.ts', corrected);
      expect(await project.run('seed --config corrected.config.ts')).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('✓ 0 created, 1 updated, 19 unchanged'),
      });
      expect(await project.run('verify --config corrected.config.ts')).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('✓ No problems found'),
      });

      const [example] = blocksOf('README.md').filter(({ language }) => language === 'ts');
      project.write('readme.config.ts', example?.content ?? '');
      for (const words of ['seed', 'report usage', 'report credits', 'report reconcile'])
        expect(await project.run(`${words} --config readme.config.ts`)).toMatchObject({
          exitCode: 0,
        });
    }));
});

interface Fenced {
  language: string;
  content: string;
}

function blocksOf(page: string): Fenced[] {
  const fences = readFileSync(page, 'utf8').matchAll(/^```(\w*)\n([^]*?)^```$/gm);
  return [...fences].map(([, language = '', content = '']) => ({ language, content }));
}

/** Whole configuration files, and parts of one that declare something; those of docs/api.md are of other tools. */
function configurationsOf(page: string): { page: string; content: string }[] {
  if (page === 'docs/api.md') return [];
  const blocks = blocksOf(page).filter(({ language }) => language === 'ts');
  return blocks.flatMap(({ content }) => {
    if (content.includes('export default')) return [{ page, content }];
    const isPart = /^(?:seeds|usage|credits|checks|reports|verify): /.test(content);
    return isPart ? [{ page, content: `export default {\n${content}};\n` }] : [];
  });
}

/** The name of a file in the comment of its first line. */
function fileOf(content: string): string | undefined {
  return /^(?:--|\/\/) (\S+\.\w+)\n/.exec(content)?.[1];
}

interface Project {
  root: string;
  read(file: string): string;
  write(file: string, content: string): void;
  run(words: string, input?: string): Promise<Answer>;
}

/** A folder in which the built package is installed. */
function projectOf(url: string): Project {
  const root = folderOf({});
  mkdirSync(join(root, 'node_modules'));
  symlinkSync(process.cwd(), join(root, 'node_modules/dbops'));
  const surroundings = { environment: { DATABASE_URL: url, NO_COLOR: '1' }, cwd: root };
  return {
    root,
    read: (file) => readFileSync(join(root, file), 'utf8'),
    write: (file, content) => {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), content);
    },
    run: (words, input) => runCli(words.split(' '), { ...surroundings, ...(input && { input }) }),
  };
}

/** The blocks of docs/report.md that show a command and what it prints. */
function commandsOf(words: string): string[] {
  const shown = new RegExp(String.raw`^\$ dbops ${words}\n`);
  return blocksOf('docs/report.md')
    .map(({ content }) => content)
    .filter((content) => shown.test(content));
}

/** Compares a document with that of the page, of which the database and the rest of a list after `…` differ. */
async function compareDocument(
  run: (words: string[]) => Promise<Answer>,
  content: string,
): Promise<void> {
  const [, words = '', json = ''] = /^\$ dbops (.+)\n([^]*)$/.exec(content) ?? [];
  const { stdout } = await run(words.split(' '));
  const document = z.record(z.string(), z.unknown());
  const { target: _, ...expected } = document.parse(JSON.parse(json));
  const { target: __, ...printed } = document.parse(JSON.parse(stdout));
  const isShortened = (value: unknown): value is unknown[] =>
    Array.isArray(value) && value.includes('…');
  const shortened = Object.entries(expected).map(([key, value]) => [
    key,
    isShortened(value) ? expect.arrayContaining(value.filter((each) => each !== '…')) : value,
  ]);
  expect(printed).toEqual(Object.fromEntries(shortened));
}

/** Runs a line of the shell that calls dbops, with `echo '…' |` before it and `> FILE` behind it. */
async function expectToRun({ root, run }: Project, line: string): Promise<void> {
  const [, input, words = ''] = /^(?:echo '(.*)' \| )?dbops (.*?)(?: > \S+)?$/.exec(line) ?? [];
  const { exitCode, stderr } = await run(words, input);
  expect({ root, line, exitCode, stderr }).toMatchObject({ line, exitCode: 0 });
}

/** Commands whose findings the page shows. */
const withFindings = ['report reconcile', 'verify schema data'];

/** Runs each command of a block, and compares stdout with the lines below it; `…` is any lines before the others. */
async function compareOutput(
  { run }: Project,
  content: string,
  prompt = '$ npx dbops ',
): Promise<void> {
  const shown = new RegExp(
    String.raw`^${prompt.replace('$', String.raw`\$`)}(.+)\n((?:(?!\$ ).*\n)*)`,
    'gm',
  );
  for (const [, words = '', expected = ''] of content.matchAll(shown)) {
    const { exitCode, stdout } = await run(words);
    const [first, ...rest] = maskDurations(expected).trim().split('\n');
    const printed = maskDurations(stdout).trim().split('\n');
    const isShortened = first === '…';
    expect([words, ...(isShortened ? printed.slice(-rest.length) : printed)]).toEqual([
      words,
      ...(isShortened ? rest : [first, ...rest]),
    ]);
    expect([words, exitCode]).toEqual([words, withFindings.includes(words) ? 4 : 0]);
  }
}

const maskDurations = (text: string) => text.replaceAll(/\b[\d.]+ m?s\b/g, 'TIME');
