import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, program, runShell } from '../cli/run-cli.ts';

const root = resolve(import.meta.dirname, '../..');

const project = () =>
  folderOf({
    'package.json': '{ "type": "module" }',
    'migrations/0001_orders.up.sql': 'CREATE TABLE orders (id int)',
  });

/** Runs init and then a command that loads what it wrote. */
async function initIn(cwd: string) {
  const environment = { DATABASE_URL: 'pglite:memory' };
  const line = `${program} init && ${program} migrate status`;
  expect(await runShell(line, { cwd, environment })).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('0001_orders'),
  });
  return readFileSync(join(cwd, 'dbops.config.ts'), 'utf8');
}

describe('the configuration that dbops init writes', () => {
  it('uses defineConfig where the project has dbops installed, and loads', async () => {
    const cwd = project();
    mkdirSync(join(cwd, 'node_modules'));
    symlinkSync(root, join(cwd, 'node_modules/dbops'));
    const config = await initIn(cwd);
    expect(config).toMatch(/^import \{ defineConfig \} from 'dbops';\n\n/);
    expect(config).toMatch(/export default defineConfig\(\{\n[^]*\n\}\);\n$/);
  });

  it('imports nothing where dbops cannot be resolved, and loads', async () => {
    const config = await initIn(project());
    expect(config).not.toContain('import');
    expect(config).toMatch(/export default \{\n[^]*\n\};\n$/);
  });
});
