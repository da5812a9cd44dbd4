import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, runCli } from '../cli/run-cli.ts';

const broken = 'CREATE TABLE t (';

/** A project whose files are invalid, so that `check` needs no shadow database. */
function projectOf(files: Record<string, string>) {
  const cwd = folderOf({ 'dbops.config.json': '{}', ...files });
  const check = async (...words: string[]) => {
    const { exitCode, stdout, stderr } = await runCli(['check', ...words, '--json'], { cwd });
    const { findings = [], ...rest } = JSON.parse(stdout);
    const keys = findings.map(({ key }: { key: string }) => key);
    return { exitCode, stderr, findings, keys, ...rest };
  };
  const baseline = join(cwd, 'dbops.baseline.json');
  return {
    cwd,
    check,
    baseline,
    write: (content: unknown) => writeFileSync(baseline, JSON.stringify(content)),
    read: () => readFileSync(baseline, 'utf8'),
  };
}

const two = { 'migrations/0001_a.up.sql': broken, 'migrations/0002_b.up.sql': broken };
const [a, b] = ['invalid-file:0001_a', 'invalid-file:0002_b'];
const today = new Date().toISOString().slice(0, 10);

describe('dbops.baseline.json', () => {
  it('is written beside the configuration, one finding a line by key, and read without a flag', async () => {
    const { check, read } = projectOf(two);
    expect(await check('--write-baseline')).toMatchObject({ exitCode: 0 });
    const entry = (key: string) => `    {"key":"${key}","code":"invalid-file","since":"${today}"}`;
    expect(read()).toBe(`{\n  "version": 1,\n  "findings": [\n${entry(a)},\n${entry(b)}\n  ]\n}\n`);
    expect(await check()).toMatchObject({ exitCode: 0, known: 2, keys: [], stale: [] });
  });

  it('keeps reasons, last days and authors when it is written again, and entries of other commands', async () => {
    const { check, read, write } = projectOf(two);
    const known = {
      key: b,
      code: 'invalid-file',
      reason: 'old',
      until: '2999-01-31',
      by: 'ann',
      since: '2020-01-01',
    };
    const foreign = {
      key: 'no-primary-key:public.log',
      code: 'no-primary-key',
      since: '2020-01-01',
    };
    const gone = { key: 'duplicate:0003_c', code: 'duplicate', since: '2020-01-01' };
    write({ version: 1, findings: [known, foreign, gone] });
    await check('--write-baseline');
    expect(JSON.parse(read()).findings).toEqual([
      { key: a, code: 'invalid-file', since: today },
      known,
      foreign,
    ]);
  });

  it('counts an expired entry again, and says so', async () => {
    const { check, write } = projectOf(two);
    write({
      version: 1,
      findings: [
        { key: a, code: 'invalid-file', until: '2020-01-31', by: 'ann', since: '2019-01-01' },
        { key: b, code: 'invalid-file', until: '2999-01-31', since: '2019-01-01' },
      ],
    });
    const answer = await check();
    expect(answer).toMatchObject({
      exitCode: 4,
      known: 1,
      keys: [a, `waiver-expired:${a}`],
    });
    expect(answer.findings[1]).toMatchObject({
      severity: 'warning',
      message: `The baseline accepted ${a} until 2020-01-31 (ann); the finding counts again.`,
      where: { file: 'dbops.baseline.json', line: 1 },
    });
  });

  it('lists entries that are no longer found, and removes them on request', async () => {
    const { check, write, read } = projectOf(two);
    const entries = [a, b, 'duplicate:0003_c', 'no-primary-key:public.log'].map((key) => ({ key }));
    write({ version: 1, findings: entries });
    expect(await check()).toMatchObject({ exitCode: 0, stale: ['duplicate:0003_c'] });
    expect(JSON.parse(read()).findings).toHaveLength(4);
    expect(await check('--prune-baseline')).toMatchObject({ exitCode: 0, stale: [] });
    expect(JSON.parse(read()).findings.map(({ key }: { key: string }) => key)).toEqual([
      a,
      b,
      'no-primary-key:public.log',
    ]);
  });

  it('needs reasons with --require-reason', async () => {
    const { check, write } = projectOf(two);
    write({ version: 1, findings: [{ key: a }, { key: b, reason: 'replaced in May' }] });
    expect(await check('--require-reason')).toMatchObject({
      exitCode: 4,
      known: 2,
      keys: [`waiver-without-reason:${a}`],
    });
    const ignored = await check('--require-reason', '--ignore', 'waiver-without-reason:*');
    expect(ignored).toMatchObject({ exitCode: 0, keys: [] });
  });

  it('may have the form of before', async () => {
    const { check, cwd } = projectOf(two);
    writeFileSync(join(cwd, 'old.json'), JSON.stringify({ findings: [{ key: a, message: 'x' }] }));
    expect(await check('--baseline', 'old.json')).toMatchObject({
      exitCode: 4,
      keys: [b],
      known: 1,
    });
  });

  it.each([
    ['an entry with a wrong day', { version: 1, findings: [{ key: 'a', until: 'soon' }] }],
    ['an unknown key', { version: 1, findings: [{ key: 'a', untill: '2027-01-01' }] }],
    ['another version', { version: 2, findings: [] }],
  ])('is rejected with %s, and stays as it is', async (_, content) => {
    const { check, write, read } = projectOf(two);
    write(content);
    for (const words of [[], ['--write-baseline']])
      expect(await check(...words)).toMatchObject({
        exitCode: 2,
        error: { code: 'VERIFY.BASELINE' },
      });
    expect(JSON.parse(read())).toEqual(content);
  });

  it('is not written where it would replace another file', async () => {
    const { check, cwd } = projectOf(two);
    expect(await check('--write-baseline', 'migrations/0001_a.up.sql')).toMatchObject({
      exitCode: 2,
    });
    expect(readFileSync(join(cwd, 'migrations/0001_a.up.sql'), 'utf8')).toBe(broken);
  });
});

describe('--max-findings', () => {
  it.each([
    [1, 4],
    [2, 0],
    [3, 0],
  ])('of %i ends with %i on two findings, and says how many there are', async (most, exitCode) => {
    const { cwd, check } = projectOf(two);
    expect(await check('--max-findings', String(most))).toMatchObject({ exitCode, keys: [a, b] });
    const { stdout } = await runCli(['check', '--max-findings', String(most)], { cwd });
    expect(stdout).toContain(`2 of at most ${most} findings`);
  });

  it('of 0 ends with 4, and is a whole number', async () => {
    const { check } = projectOf(two);
    expect(await check('--max-findings', '0')).toMatchObject({ exitCode: 4 });
    expect(await check('--max-findings', 'few')).toMatchObject({ exitCode: 2 });
  });
});

describe('a comment that allows a check', () => {
  const file = (comment: string) => ({ 'migrations/0001_a.up.sql': `${comment}\n${broken}` });

  it('removes its finding, with a reason', async () => {
    const { check } = projectOf(file('-- dbops: allow invalid-file because it is a sample'));
    expect(await check()).toMatchObject({ exitCode: 0, keys: [], allowed: 1 });
  });

  it('is a finding without a reason', async () => {
    const { check } = projectOf(file('-- dbops: allow invalid-file'));
    const answer = await check();
    expect(answer).toMatchObject({ exitCode: 4, keys: [a, `allow-without-reason:${a}`] });
    expect(answer.findings[1].where).toMatchObject({ file: 'migrations/0001_a.up.sql', line: 1 });
  });

  it('is reported where it allows nothing; that of another command is not', async () => {
    const { check } = projectOf(
      file('-- dbops: allow edited because x\n-- dbops: allow no-primary-key because y'),
    );
    const answer = await check();
    expect(answer.keys).toEqual([a, 'unused-allow:edited:0001_a:1']);
    expect(answer.findings[1]).toMatchObject({ severity: 'info' });
  });
});

describe('--report', () => {
  const environment = { GITHUB_ACTIONS: 'true' };

  it('writes several files in one run, and leaves stdout as it is', async () => {
    const { cwd } = projectOf(two);
    const words = [
      'junit=out/r.xml',
      'r.sarif',
      'gitlab=q.json',
      'r.rdjson',
      'r.md',
      'json=r.json',
    ];
    const plain = await runCli(['check'], { cwd });
    const answer = await runCli(['check', ...words.flatMap((each) => ['--report', each])], { cwd });
    expect(answer).toEqual(plain);
    expect(readFileSync(join(cwd, 'out/r.xml'), 'utf8')).toContain('failures="2"');
    expect(JSON.parse(readFileSync(join(cwd, 'q.json'), 'utf8'))).toMatchObject([
      { location: { path: 'migrations/0001_a.up.sql', lines: { begin: 1 } } },
      { location: { path: 'migrations/0002_b.up.sql' } },
    ]);
    expect(JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8'))).toMatchObject({
      command: 'check',
    });
    for (const file of ['r.sarif', 'r.rdjson', 'r.md'])
      expect(existsSync(join(cwd, file))).toBe(true);
  });

  it('prints a report in place of the text', async () => {
    const { cwd } = projectOf(two);
    const { stdout, exitCode } = await runCli(['check', '--report', 'gitlab=-'], { cwd });
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toHaveLength(2);
  });

  it('rejects two results on stdout, and a format that it does not know', async () => {
    const { cwd } = projectOf(two);
    for (const words of [
      ['--json', '--report', 'junit=-'],
      ['--report', 'junit=-', '--report', 'sarif=-'],
      ['--report', 'r.json'],
      ['--report', 'html=r.html'],
    ])
      expect((await runCli(['check', ...words], { cwd })).exitCode).toBe(2);
  });

  it.each([
    ['check', ['--baseline', 'missing.json']],
    ['verify', []],
    ['migrate status', ['--check']],
    ['repair-tracking', []],
  ])('is written when %s stops', async (command, flags) => {
    const { cwd } = projectOf(two);
    const words = [...command.split(' '), ...flags, '--report', 'r.xml', '--report', 'r.sarif'];
    const { exitCode, stderr } = await runCli(words, { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error');
    expect(readFileSync(join(cwd, 'r.xml'), 'utf8')).toMatch(/errors="1".*<error message=/s);
    expect(
      JSON.parse(readFileSync(join(cwd, 'r.sarif'), 'utf8')).runs[0].invocations,
    ).toMatchObject([{ executionSuccessful: false, exitCode: 2 }]);
  });

  it('is an error where its file cannot be written, and the findings are printed', async () => {
    const { cwd } = projectOf(two);
    const words = ['check', '--report', 'junit=migrations/0001_a.up.sql/r.xml'];
    const { exitCode, stdout, stderr } = await runCli(words, { cwd });
    expect(exitCode).toBe(2);
    expect(stdout).toContain('invalid-file');
    expect(stderr).toContain('r.xml');
  });

  it('leaves annotations and a summary in GitHub Actions, unless they are turned off', async () => {
    const { cwd } = projectOf(two);
    const summary = join(cwd, 'summary.md');
    writeFileSync(summary, 'earlier\n');
    const inActions = { cwd, environment: { ...environment, GITHUB_STEP_SUMMARY: summary } };
    const annotated = await runCli(['check'], inActions);
    expect(annotated.stdout).toMatch(
      /^::error title=invalid-file,file=migrations\/0001_a\.up\.sql,line=1::/m,
    );
    expect(readFileSync(summary, 'utf8')).toMatch(
      /^earlier\n<!-- dbops-check -->\n### dbops check: 2 findings/,
    );
    const off = await runCli(['check', '--no-annotations'], inActions);
    expect(off.stdout).not.toContain('::error');
    expect(readFileSync(summary, 'utf8').match(/### dbops/g)).toHaveLength(1);
  });

  it('sends annotations to stderr where stdout is a document', async () => {
    const { cwd } = projectOf(two);
    const { stdout, stderr } = await runCli(['check', '--json'], { cwd, environment });
    expect(JSON.parse(stdout)).toMatchObject({ command: 'check' });
    expect(stderr).toMatch(/^::error /m);
  });

  it('does not fail because of a summary that is full or cannot be written', async () => {
    const { cwd } = projectOf(two);
    const full = join(cwd, 'full.md');
    writeFileSync(full, 'x'.repeat(1_048_000));
    for (const [file, remark] of [
      [full, 'The step summary is full'],
      [join(cwd, 'none/summary.md'), 'The step summary cannot be written'],
    ] as const) {
      const surroundings = { cwd, environment: { ...environment, GITHUB_STEP_SUMMARY: file } };
      const { exitCode, stderr } = await runCli(['check'], surroundings);
      expect(exitCode).toBe(4);
      expect(stderr).toContain(remark);
    }
  });
});

describe('docs/ci.md', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/ci.md'), 'utf8');
  const lines = [...page.matchAll(/(?:npx |^)dbops ((?:check|verify)\b[^|#\n]*)/gm)];
  const commands = [...new Set(lines.map(([, words = '']) => words.trim()))];

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(7);
  });

  it.each(commands)('has a command line that dbops accepts: %s', async (line) => {
    const { cwd } = projectOf(two);
    const { exitCode, stderr } = await runCli(line.split(/\s+/), { cwd });
    expect(stderr).not.toContain('Invalid options');
    const isOfFolder = line.includes('--folder');
    // The folder does not replay: a finding of check, an error of verify, which otherwise needs a database.
    expect(exitCode).toBe(line.startsWith('check') ? 4 : isOfFolder ? 1 : 2);
    expect(line.startsWith('verify') && !isOfFolder).toBe(stderr.includes('TARGET.MISSING'));
  });
});
