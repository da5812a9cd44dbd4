import * as z from 'zod';
import { exitCodes } from '../errors.ts';
import { folderOf } from './folder.ts';
import { migrationStates, type MigrationStatus } from '../migrate/plan.ts';
import { readStatuses } from '../migrate/state.ts';
import type { Cell, Column, Tone } from '../report.ts';
import { defineCommand } from './command.ts';

const tones: Record<string, Tone> = { applied: 'good', pending: 'warn' };

const columns: Column[] = [
  { key: 'name', label: 'migration' },
  { key: 'state', label: 'state', tone: (state) => tones[String(state)] ?? 'bad' },
  { key: 'appliedAt', label: 'applied at', format: when },
];

function when(value: Cell): string {
  return value instanceof Date ? `${value.toISOString().slice(0, 19).replace('T', ' ')} UTC` : '';
}

const disagreement = new Set<MigrationStatus['state']>(['edited', 'missing-file', 'failed']);

export const command = defineCommand({
  description: 'Shows every migration of the folder beside what the database has recorded.',
  options: [
    [
      '--check',
      'exit with 5 when migrations are pending, with 6 when folder and database disagree',
    ],
  ],
  examples: [
    'dbops migrate status',
    'dbops migrate status --check',
    'dbops migrate status --json | jq .counts',
  ],
  flags: z.object({ check: z.boolean().default(false) }),
  async run(context, { check }) {
    const folder = await folderOf(context);
    const statuses = await readStatuses(await context.session(), folder);
    const counts = Object.fromEntries(
      migrationStates.map((state) => [state, statuses.filter((row) => row.state === state).length]),
    );
    const summary = migrationStates
      .filter((state) => counts[state])
      .map((state) => `${counts[state]} ${state}`);
    const migrations = statuses.map(({ name, state, hash, recordedHash, appliedAt }) => ({
      name,
      state,
      hash,
      recordedHash,
      appliedAt,
    }));
    return {
      exitCode: check ? verdict(statuses) : exitCodes.done,
      data: { format: folder.format.name, migrations, counts },
      blocks: [
        { kind: 'table', columns, rows: migrations },
        { kind: 'text', text: `${summary.join(', ')}` },
        ...(statuses.some(({ state }) => state !== 'applied')
          ? [{ kind: 'text' as const, text: `→ ${adviceFor(statuses)}` }]
          : []),
      ],
    };
  },
});

function verdict(statuses: readonly MigrationStatus[]) {
  if (statuses.some(({ state }) => disagreement.has(state))) return exitCodes.desynchronised;
  return statuses.every(({ state }) => state === 'applied') ? exitCodes.done : exitCodes.pending;
}

function adviceFor(statuses: readonly MigrationStatus[]): string {
  const has = (state: MigrationStatus['state']) => statuses.some((row) => row.state === state);
  if (has('edited'))
    return 'Bring edited files back as they were applied, and make the change in a migration of its own: dbops migrate new NAME';
  if (has('missing-file'))
    return 'Bring the missing files back from version control: git log --diff-filter=D -- migrations';
  if (has('duplicate'))
    return 'Two migrations share a number: rename the one that came later to the next free number.';
  if (has('out-of-order'))
    return 'Rename the late migration to the next free number, or: dbops migrate up --allow-out-of-order';
  return 'Apply what is pending: dbops migrate up';
}
