import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { tools } from '../../src/mcp/tools.ts';
import { folderOf, program, runShell } from '../cli/run-cli.ts';
import { withSession } from '../db/session.ts';
import { newest, withDatabase } from '../db/targets.ts';

const bin = resolve(import.meta.dirname, '../../bin/dbops.cjs');

const project = () =>
  folderOf({
    'migrations/0001_orders.up.sql': 'CREATE TABLE orders (id int PRIMARY KEY)',
    'migrations/0002_items.up.sql': 'CREATE TABLE items (id int PRIMARY KEY)',
    'reports/one.sql': '-- title: One\nSELECT 1 AS one',
    'reports/writes.sql': '-- title: Writes\nSELECT lo_create(7) AS id',
  });

/** Runs `work` with a client of the SDK that is connected to the built program. */
async function withClient<T>(
  environment: Record<string, string>,
  cwd: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd, ...environment };
  const line = { command: process.execPath, args: [bin, 'mcp', '--confirm', 'shop', '--yes'] };
  await client.connect(new StdioClientTransport({ ...line, cwd, env, stderr: 'ignore' }));
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** Calls a tool, and returns its document with whether the call failed. */
async function call(client: Client, name: string, given: Record<string, unknown> = {}) {
  const { content, isError = false } = await client.callTool({ name, arguments: given });
  const [first] = content;
  const text = first?.type === 'text' ? first.text : '';
  return { isError, text, document: text.startsWith('{') ? JSON.parse(text) : undefined };
}

const offered = tools.filter(({ words }) => commands.some((each) => each.words === words));

describe.each(newest)('dbops mcp on $name', (target) => {
  it('lists tools that only read, and answers each with the document of its command', () =>
    withDatabase(target, async (url) => {
      await withSession(url, (session) => session.script('CREATE TABLE stray (id int)'));
      const state = () =>
        withSession(url, (session) =>
          session.query(`SELECT relname, relkind, relfilenode::text FROM pg_catalog.pg_class
            WHERE relnamespace::regnamespace::text !~ '^pg_|information_schema' ORDER BY 1`),
        );
      const before = await state();
      await withClient({ DATABASE_URL: url }, project(), async (client) => {
        const listed = (await client.listTools()).tools;
        expect(listed.map(({ name }) => name)).toEqual(offered.map(({ name }) => name));
        for (const { annotations } of listed)
          expect(annotations).toMatchObject({ readOnlyHint: true });
        for (const { name, words } of offered) {
          const given = name === 'report_named' ? { name: 'one' } : {};
          expect((await call(client, name, given)).document).toMatchObject({ command: words });
        }
        expect(await call(client, 'migrate_status')).toMatchObject({
          isError: false,
          document: { ok: true, counts: { pending: 2 } },
        });
        expect(await call(client, 'report_named', { name: 'one' })).toMatchObject({
          document: { rows: [{ one: 1 }] },
        });
      });
      expect(await state()).toEqual(before);
    }));

  it('refuses arguments that would make a command write, and a report that writes', () =>
    withDatabase(target, async (url) => {
      await withClient({ DATABASE_URL: url }, project(), async (client) => {
        for (const [name, given] of [
          ['repair_tracking', { apply: true }],
          ['repair_tracking', { undo: true }],
          ['verify', { writeBaseline: true }],
          ['migrate_status', { databaseUrl: 'postgres://elsewhere/x' }],
        ] as const) {
          const { isError, text } = await call(client, name, given);
          expect({ isError, text }).toEqual({
            isError: true,
            text: expect.stringMatching(/unrecognized|unknown/i),
          });
        }
        expect(await call(client, 'report_named', { name: 'writes' })).toMatchObject({
          isError: true,
          document: {
            ok: false,
            error: { message: expect.stringContaining('read-only transaction') },
          },
        });
      });
      const rows = await withSession(url, (session) =>
        session.query('SELECT oid FROM pg_catalog.pg_largeobject_metadata'),
      );
      expect(rows).toEqual([]);
    }));
});

describe('dbops mcp', () => {
  it('returns the error object of a command, without the password', () =>
    withClient(
      { DATABASE_URL: 'postgres://u:hunter2secret@127.0.0.1:1/shop' },
      project(),
      async (client) => {
        const { isError, text, document } = await call(client, 'migrate_status');
        expect({ isError, document }).toMatchObject({
          isError: true,
          document: {
            ok: false,
            error: { code: 'DATABASE.UNREACHABLE', hint: expect.any(String) },
          },
        });
        expect(text).not.toContain('hunter2secret');
      },
    ));

  it('ends with 0 when the client closes stdin, and prints nothing but messages', async () => {
    const environment = { DATABASE_URL: 'pglite:memory' };
    const answer = await runShell(`${program} mcp < /dev/null`, { cwd: project(), environment });
    expect(answer).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});
