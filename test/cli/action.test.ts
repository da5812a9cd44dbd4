import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, runShell } from './run-cli.ts';

const root = resolve(import.meta.dirname, '../..');
const action = readFileSync(join(root, 'action.yml'), 'utf8');

/** Runs the script of the action as the runner does: inputs in the environment, files for what it writes. */
async function runAction(
  inputs: Record<string, string>,
  files: Record<string, string>,
  github: Record<string, string> = {},
) {
  const cwd = folderOf({ output: '', summary: '', ...files });
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(root, join(cwd, 'node_modules/dbops'));
  const environment = {
    RUNNER_TEMP: cwd,
    ...github,
    ...(files['event.json'] && { GITHUB_EVENT_PATH: join(cwd, 'event.json') }),
    GITHUB_OUTPUT: join(cwd, 'output'),
    GITHUB_STEP_SUMMARY: join(cwd, 'summary'),
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`DBOPS_ACTION_${name}`, value]),
    ),
  };
  const line = `'${process.execPath}' '${join(root, 'action/run.mjs')}'`;
  const { exitCode, stdout } = await runShell(line, { cwd, environment });
  const read = (name: string) => readFileSync(join(cwd, name), 'utf8');
  const outputs = Object.fromEntries(
    read('output')
      .split('\n')
      .filter(Boolean)
      .map((each) => each.split('=', 2)),
  );
  return { exitCode, stdout, outputs, summary: read('summary'), cwd };
}

const edited = {
  'migrations/0001_a.up.sql': 'CREATE TABLE a (id int)',
  'migrations/0002_b.up.sql': 'ALTER TABLE missing ADD COLUMN b int',
};

describe('the GitHub Action', () => {
  it('counts pending migrations, and writes the document to a file', async () => {
    const { exitCode, outputs } = await runAction(
      {
        COMMAND: 'migrate status',
        ARGS: '--check\n',
        DATABASE_URL: 'pglite:memory',
      },
      edited,
    );
    expect({ exitCode, outputs }).toMatchObject({
      exitCode: 5,
      outputs: { 'exit-code': '5', pending: '2', errors: '0' },
    });
    const document = JSON.parse(readFileSync(outputs['report-file'], 'utf8'));
    expect(document).toMatchObject({ command: 'migrate status', ok: false });
  });

  it('annotates an error in one line, and fails unless the input fail is false', async () => {
    const inputs = { COMMAND: 'check', DATABASE_URL: 'pglite:memory' };
    const { exitCode, stdout, summary } = await runAction(inputs, edited);
    expect(exitCode).toBeGreaterThan(0);
    expect(stdout.split('\n').filter((line) => line.startsWith('::error'))).toHaveLength(1);
    expect(summary).toContain(`### dbops check: exit code ${exitCode}`);
    expect(await runAction({ ...inputs, FAIL: 'false' }, edited)).toMatchObject({
      exitCode: 0,
      outputs: { 'exit-code': String(exitCode) },
    });
  });

  it.each([
    ['COMMAND', 'check; touch hacked'],
    ['COMMAND', '$(touch hacked)'],
    ['COMMAND', '--config=evil.mjs'],
    ['VERSION', '1.0.0 || touch hacked'],
    ['VERSION', 'npm:evil@1'],
  ])('refuses the %s "%s"', async (name, value) => {
    const { exitCode, stdout, cwd } = await runAction({ COMMAND: 'check', [name]: value }, {});
    expect({ exitCode, outputs: stdout.split('::')[1] }).toEqual({
      exitCode: 2,
      outputs: 'error title=dbops',
    });
    expect(existsSync(join(cwd, 'hacked'))).toBe(false);
  });

  it('passes arguments without a shell', async () => {
    const { exitCode, cwd } = await runAction(
      { COMMAND: 'migrate new', ARGS: 'add $(touch hacked); `touch hacked`' },
      edited,
    );
    expect(exitCode).toBe(0);
    expect(existsSync(join(cwd, 'hacked'))).toBe(false);
  });

  it('writes one comment, updates it in the next run, and warns where it may not', async () => {
    const comments: { id: number; body: string }[] = [{ id: 1, body: 'of a person' }];
    const server = createServer((asked, answer) => {
      const pieces: Buffer[] = [];
      asked.on('data', (piece: Buffer) => pieces.push(piece));
      asked.on('end', () => {
        if (asked.headers.authorization !== 'Bearer secret') return answer.writeHead(403).end('{}');
        const text = Buffer.concat(pieces).toString();
        if (asked.method === 'POST') comments.push({ id: 2, body: JSON.parse(text).body });
        const updated = comments.find(({ id }) => asked.url === `/repos/a/b/issues/comments/${id}`);
        if (asked.method === 'PATCH' && updated) updated.body = JSON.parse(text).body;
        return answer.end(JSON.stringify(asked.method === 'GET' ? comments : {}));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const github = { GITHUB_API_URL: `http://127.0.0.1:${port}`, GITHUB_REPOSITORY: 'a/b' };
    const event = { 'event.json': '{"pull_request":{"number":7}}' };
    const inputs = { COMMAND: 'migrate new', ARGS: 'one', COMMENT: 'true', TOKEN: 'secret' };
    try {
      await runAction(inputs, { ...edited, ...event }, github);
      await runAction({ ...inputs, FAIL: 'false' }, { ...event, 'dbops.config.json': '{' }, github);
      expect(comments.map(({ id }) => id)).toEqual([1, 2]);
      expect(comments[1]?.body).toMatch(/^<!-- dbops migrate new {2}-->\n[^]*exit code 2/);
      const refused = await runAction({ ...inputs, TOKEN: 'x' }, { ...edited, ...event }, github);
      expect(refused).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('::warning') });
    } finally {
      server.close();
    }
  });

  it('has inputs in the environment of its script, and none in a line of a shell', () => {
    const lines = action.split('\n').filter((line) => /^\s+(?:- )?run:/.test(line));
    expect(lines).toEqual(['      run: node "$GITHUB_ACTION_PATH/action/run.mjs"']);
    const script = readFileSync(join(root, 'action/run.mjs'), 'utf8');
    const read = [...script.matchAll(/input\('(\w+)'\)/g)].map(([, name]) => name);
    for (const name of [...read, 'ARGS']) expect(action).toContain(`DBOPS_ACTION_${name}:`);
    expect(action.match(/value: \$\{\{ steps\.dbops\.outputs\.([\w-]+) \}\}/g)).toHaveLength(6);
  });
});
