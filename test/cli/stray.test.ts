import { describe, expect, it } from 'vitest';
import { servers, withDatabase, type Target } from '../db/targets.ts';
import { writeProject } from '../migrate/project.ts';
import { program, runShell, startShell, type Answer } from './run-cli.ts';

const [server] = servers;

/** A project whose one migration is this module of kysely. */
const projectOf = (body: string) =>
  writeProject({
    'migrations/2025-01-01_a.js': `export async function up(db) { ${body} }\n`,
    'package.json': '{ "type": "module" }',
  });

function up(body: string, flags = '', redirect = ''): Promise<Answer> {
  return withDatabase(server as Target, (url) =>
    runShell(`${program} migrate up --format kysely ${flags} ${redirect}`, {
      environment: { DATABASE_URL: url },
      cwd: projectOf(body),
    }),
  );
}

describe.runIf(server)('a module that', () => {
  it.each([0, 7])('ends the process with %i is named, and the run failed', async (code) => {
    const { exitCode, stdout, stderr } = await up(`process.exit(${code})`);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/\nerror A module .* ended the process .*PROCESS\.ENDED\n {2}→ .*\n$/);
    const json = await up(`process.exit(${code})`, '--json');
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      command: 'migrate up',
      ok: false,
      target: { kind: 'postgres', host: '127.0.0.1' },
      error: { code: 'PROCESS.ENDED' },
    });
  });

  it.each([
    ['process.stdout', `process.stdout.write('noise')`],
    [
      'a callback of process.stdout',
      `await new Promise((done) => process.stdout.write('noise', done))`,
    ],
    ['console', `console.log('noise')`],
    ['the console of a module', `(await import('node:console')).log('noise')`],
    ['the process of a module', `(await import('node:process')).stdout.write('noise')`],
  ])('writes to %s leaves the document whole', async (_, body) => {
    const { exitCode, stdout, stderr } = await up(body, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    expect(stderr).toContain('noise');
  });

  it.each([
    ['rejects beside its work', `Promise.reject(new Error('astray'))`],
    ['throws beside its work', `setImmediate(() => { throw new Error('astray') })`],
  ])('%s fails in one line, with the stack for --verbose', async (_, body) => {
    const module = `${body}; await new Promise((done) => setTimeout(done, 60_000));`;
    const { exitCode, stderr } = await up(module);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/\nerror The project's code .*: astray UNHANDLED\n {2}→ .*\n$/);
    expect((await up(module, '--verbose')).stderr).toMatch(/caused by Error: astray\n {4}at /);
    const json = await up(module, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: { code: 'UNHANDLED' } });
  });

  it('never settles can be left: the first signal says how', async () => {
    await withDatabase(server as Target, async (url) => {
      const { child, answer } = startShell(`exec ${program} migrate up --format kysely`, {
        environment: { DATABASE_URL: url },
        cwd: projectOf(`console.log('begun'); await new Promise(() => setInterval(() => {}, 1e6))`),
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        if (/begun|still running/.test(String(chunk))) child.kill('SIGINT');
      });
      const { exitCode, stderr } = await answer;
      expect(exitCode).toBe(130);
      expect(stderr).toContain('still running …; press Ctrl-C again to exit immediately\n');
      expect(stderr).not.toContain('PROCESS.ENDED');
    });
  });
});

describe.runIf(server && process.platform === 'linux')('an answer that cannot be written', () => {
  it.each(['', '--json'])('%s is reported in one line, with how the work ended', async (flags) => {
    const { exitCode, stderr } = await up('return;', flags, '> /dev/full');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /\nerror Cannot write the answer to stdout: ENOSPC.*OUTPUT\.UNWRITABLE\n {2}→ /,
    );
    expect(stderr).toContain('ended with exit code 0; its changes remain');
    expect(stderr).not.toContain('    at ');
  });
});
