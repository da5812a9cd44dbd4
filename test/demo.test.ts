import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { folderOf, program, runShell } from './cli/run-cli.ts';

// It plays on an embedded database, whatever the targets of the run.
describe('dbops demo', () => {
  it('plays the story in order, ends with three commands to paste, and leaves nothing behind', async () => {
    const cwd = folderOf({});
    const home = mkdtempSync(join(inject('scratch'), 'home-'));
    const environment = { HOME: home, DBOPS_CACHE_DIR: join(home, '.cache', 'dbops') };
    const { exitCode, stdout, stderr } = await runShell(`${program} demo`, { cwd, environment });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const story = [
      '$ dbops migrate up --to 0003_content',
      '✓ 0001_identity',
      '3,000 purchases, ',
      '$ dbops migrate up --to 0007_tenancy_expand',
      '$ dbops backfill run organization-id',
      'organization-id: ',
      ' 0 orphans + 0 mismatched',
      '$ dbops migrate up',
      '✓ 0008_tenancy_contract',
      '$ dbops seed',
      '$ dbops verify',
      '$ dbops report usage',
      '$ dbops report credits',
      '$ dbops migrate down',
      '✓ 1 migration rolled back (',
      '$ dbops migrate up',
      '✓ 1 migration applied (',
      'export DATABASE_URL=',
      'npx dbops doctor',
      'npx dbops migrate up --dry-run',
    ];
    let from = 0;
    for (const part of story) {
      const at = stdout.indexOf(part, from);
      expect({ part, told: at >= 0, after: stdout.slice(from, from + 200) }).toMatchObject({
        told: true,
      });
      from = at + part.length;
    }
    expect(stdout).not.toMatch(/✗|undefined|\[object|\n\s+at /);
    expect(readdirSync(cwd)).toEqual([]);
    expect(readdirSync(home).filter((name) => name !== '.cache')).toEqual([]);
  }, 120_000);

  it('is one document with --json, and every step of it succeeded', async () => {
    const { exitCode, stdout, stderr } = await runShell(`${program} demo --json`);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const step = z.object({ command: z.string(), data: z.record(z.string(), z.unknown()) });
    const document = z.object({
      command: z.literal('demo'),
      ok: z.literal(true),
      steps: z.array(step),
    });
    const { steps } = document.parse(JSON.parse(stdout));
    const of = (word: string) => steps.filter(({ command }) => command.includes(word));
    expect(of('backfill')[0]?.data).toMatchObject({ state: 'complete', orphans: 0, mismatched: 0 });
    expect(of('verify')[0]).toMatchObject({
      command: '$ dbops verify',
      data: { counts: { error: 0, warning: 0 } },
    });
    expect(of('migrate down')).toHaveLength(1);
  }, 120_000);
});
