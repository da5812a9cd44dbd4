import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings, type SettingsInput } from '../../src/config.ts';
import { DbopsError } from '../../src/errors.ts';
import { speakPlainly } from '../../src/output/schema-messages.ts';
import { folderOf } from '../cli/run-cli.ts';

speakPlainly();

const load = (cwd: string, input: Partial<SettingsInput> = {}) =>
  loadSettings({ flags: {}, environment: {}, cwd, interactive: false, ...input });

async function refusal(cwd: string, input?: Partial<SettingsInput>): Promise<DbopsError> {
  const error: unknown = await load(cwd, input).catch((thrown: unknown) => thrown);
  if (error instanceof DbopsError) return error;
  throw new Error('the settings were taken');
}

describe('dbops.config', () => {
  it.each([
    ['json', '{ "lockTimeout": "5s", "statementTimeout": 250 }'],
    ['mjs', "export default { lockTimeout: '5s', statementTimeout: 250 };"],
    ['js', "export default { lockTimeout: '5s', statementTimeout: 250 };"],
    [
      'ts',
      "const timeout: string = '5s';\nexport default { lockTimeout: timeout, statementTimeout: 250 };",
    ],
    ['mts', "export default { lockTimeout: '5s' as string, statementTimeout: 250 };"],
  ])('.%s is read', async (extension, content) => {
    const cwd = folderOf({
      [`dbops.config.${extension}`]: content,
      'package.json': '{"type":"module"}',
    });
    expect(await load(cwd)).toMatchObject({ lockTimeout: 5_000, statementTimeout: 250, root: cwd });
  });

  it('has defaults', async () => {
    const settings = await load(folderOf({}));
    expect(settings).toMatchObject({ lockTimeout: 2_000, statementTimeout: 0 });
    expect(settings).not.toHaveProperty('migrations');
    expect(settings).not.toHaveProperty('shadow');
  });

  it('is found from a folder below, the nearest first', async () => {
    const root = folderOf({
      'dbops.config.json': '{ "lockTimeout": "9s" }',
      'apps/web/dbops.config.json': '{ "lockTimeout": "1s" }',
      'apps/web/src/index.ts': '',
      'apps/api/index.ts': '',
    });
    expect((await load(join(root, 'apps/web/src'))).lockTimeout).toBe(1_000);
    expect((await load(join(root, 'apps/api'))).lockTimeout).toBe(9_000);
  });

  it('is the one that --config names, from the working directory', async () => {
    const root = folderOf({
      'dbops.config.json': '{ "lockTimeout": "9s" }',
      'other/settings.json': '{ "lockTimeout": "3s" }',
    });
    const settings = await load(root, { flags: { config: 'other/settings.json' } });
    expect(settings).toMatchObject({ lockTimeout: 3_000, root: join(root, 'other') });
    const missing = await refusal(root, { flags: { config: 'gone.json' } });
    expect(missing).toMatchObject({ code: 'CONFIG.MISSING', exitCode: 2 });
    expect(missing.message).toContain(join(root, 'gone.json'));
  });

  it('gives way to flags', async () => {
    const cwd = folderOf({ 'dbops.config.json': '{ "lockTimeout": "9s", "format": "prisma" }' });
    const settings = await load(cwd, { flags: { lockTimeout: '1s', format: 'dbops' } });
    expect(settings).toMatchObject({ lockTimeout: 1_000, format: 'dbops' });
  });

  it('has its folders relative to itself; a flag has them relative to the working directory', async () => {
    const root = folderOf({
      'dbops.config.json':
        '{ "migrations": "db/migrations", "databaseUrl": "pglite:data", "shadowUrl": "pglite:shadow" }',
      'apps/index.ts': '',
    });
    const cwd = join(root, 'apps');
    const fromFile = await load(cwd);
    expect(fromFile.migrations).toBe(join(root, 'db/migrations'));
    expect(fromFile.target().target).toEqual({ kind: 'pglite', directory: join(root, 'data') });
    expect(fromFile.shadow).toEqual({ kind: 'pglite', directory: join(root, 'shadow') });
    const flags = { migrations: 'here', databaseUrl: 'pglite:data', shadowUrl: 'pglite:shadow' };
    const fromFlags = await load(cwd, { flags });
    expect(fromFlags.migrations).toBe(join(cwd, 'here'));
    expect(fromFlags.target().target).toEqual({ kind: 'pglite', directory: join(cwd, 'data') });
    expect(fromFlags.shadow).toEqual({ kind: 'pglite', directory: join(cwd, 'shadow') });
  });

  it('beside .env: its embedded database is in the same folder from everywhere', async () => {
    const root = folderOf({
      'dbops.config.json': '{}',
      '.env': 'DATABASE_URL=pglite:data',
      'apps/index.ts': '',
    });
    const { target } = (await load(join(root, 'apps'))).target();
    expect(target).toEqual({ kind: 'pglite', directory: join(root, 'data') });
  });

  it('is refused with every problem at once', async () => {
    const content = '{ "lokTimeout": "1s", "lockTimeout": "soon", "format": 3, "migrations": [] }';
    const cwd = folderOf({ 'dbops.config.json': content });
    const { code, exitCode, message, reason } = await refusal(cwd);
    expect({ code, exitCode }).toEqual({ code: 'CONFIG.INVALID', exitCode: 2 });
    expect(message).toContain(join(cwd, 'dbops.config.json'));
    expect(reason).toHaveLength(4);
    const lines = reason.join('\n');
    expect(lines).toContain('lockTimeout: expected a duration such as 500ms, 2s or 5m');
    expect(lines).toContain('format: expected text, found a number');
    expect(lines).toContain('migrations: expected text, found a list');
    expect(lines).toContain('unknown key: lokTimeout');
  });

  it.each([
    ['json', '{ "format": '],
    ['json', '"dbops"'],
    ['json', 'null'],
    ['mjs', "export const databaseUrl = 'pglite:memory';"],
    ['mjs', 'export default {'],
    ['ts', "throw new Error('broken');"],
  ])('is refused when it is broken: .%s with %s', async (extension, content) => {
    const cwd = folderOf({ [`dbops.config.${extension}`]: content });
    const { code, exitCode, message } = await refusal(cwd);
    expect({ code, exitCode }).toEqual({ code: 'CONFIG.INVALID', exitCode: 2 });
    expect(message).toContain(`dbops.config.${extension}`);
  });
});

it('names options as they are typed', async () => {
  const { reason } = await refusal(folderOf({}), {
    flags: { lockTimeout: 'soon', statementTimeout: '' },
  });
  expect(reason.map((line) => line.split(':')[0])).toEqual([
    '--lock-timeout',
    '--statement-timeout',
  ]);
});
