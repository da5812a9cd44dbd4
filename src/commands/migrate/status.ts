import * as z from 'zod';
import type { Context } from '../../context.ts';
import type { Session } from '../../db/session.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import { planUp, refuseDefects } from '../../migrate/plan.ts';
import { migrationStates, type MigrationStatus, readState } from '../../runner/tracking-state.ts';
import { placeFolder } from '../../formats/place.ts';
import {
  findingsOfCheckpoints,
  findingsOfOrder,
  findingsOfStates,
} from '../../migrate/status-findings.ts';
import {
  findElsewhere,
  findForeign,
  findingsOfElsewhere,
  findingsOfForeign,
  nothingRecorded,
} from '../../migrate/tracking-elsewhere.ts';
import {
  text,
  type Block,
  type Cell,
  type Column,
  type Finding,
  type Report,
  type Tone,
} from '../../report.ts';
import { defineCommand } from '../../command.ts';
import { formatCount } from '../../output/number.ts';
import { folderOf } from '../../open-project.ts';

const tones: Record<string, Tone> = { applied: 'good', pending: 'warn' };

const columns: Column[] = [
  { key: 'name', label: 'migration' },
  { key: 'state', label: 'state', tone: (state) => tones[String(state)] ?? 'bad' },
  { key: 'appliedAt', label: 'applied at (UTC)', format: when },
];

function when(value: Cell): string {
  return value instanceof Date ? value.toISOString().slice(0, 19).replace('T', ' ') : '';
}

const disagreement = new Set<MigrationStatus['state']>(['edited', 'missing-file', 'failed']);

export const command = defineCommand({
  description:
    'Lists the migrations of the folder with their state in the database, and reports where folder and tracking table disagree.',
  options: [
    [
      '--check',
      'exit with 6 when folder and database disagree, 4 on other findings, 5 when migrations are pending',
    ],
  ],
  examples: [
    'dbops migrate status',
    'dbops migrate status --check',
    'dbops migrate status --json | jq .counts',
  ],
  flags: z.object({ check: z.boolean().default(false) }),
  async run(context, { check }) {
    const read = await folderOf(context);
    try {
      const session = await context.session();
      return await onlineReport(context, session, await placeFolder(session, read), check);
    } catch (error) {
      if (error instanceof DbopsError && read.findings.length > 0)
        return offlineReport(read, error);
      throw error;
    }
  },
});

async function onlineReport(
  context: Context,
  session: Session,
  folder: Folder,
  check: boolean,
): Promise<Report> {
  const { applied, findings: ofRows, statuses } = await readState(session, folder);
  const elsewhere = nothingRecorded(statuses) ? await findElsewhere(session, folder) : [];
  const isChosen = context.settings.trackingTable !== undefined;
  const foreign = nothingRecorded(statuses) && !isChosen ? await findForeign(session, folder) : [];
  const others = unique([
    ...findingsOfForeign(foreign, folder),
    ...findingsOfElsewhere(elsewhere, folder, isChosen),
    ...folder.findings,
    ...ofRows,
    ...findingsOfOrder(applied, statuses),
    ...(await findingsOfCheckpoints(session, folder)),
  ]);
  const findings = unique([...others, ...(await findingsOfStates(statuses, folder.format))]);
  const counts = Object.fromEntries(
    migrationStates.map((state) => [state, statuses.filter((row) => row.state === state).length]),
  );
  const migrations = statuses.map(({ name, state, hash, recordedHash, appliedAt }) => ({
    name,
    state,
    hash,
    recordedHash,
    appliedAt,
  }));
  const blocks: Block[] = [{ kind: 'table', columns, rows: migrations }];
  if (findings.length > 0) blocks.push({ kind: 'findings', findings });
  const summary = migrationStates.filter((state) => counts[state]);
  blocks.push(
    text(summary.map((state) => `${formatCount(counts[state] ?? 0)} ${state}`).join(', ')),
  );
  const isRefused = (elsewhere.length > 0 && !isChosen) || foreign.length > 0;
  if (counts['pending'] && !isRefused && canRun(statuses, folder))
    blocks.push(text('→ Apply pending migrations: dbops migrate up'));
  return {
    exitCode: check ? verdict(statuses, others) : exitCodes.done,
    data: { format: folder.format.name, migrations, counts, findings },
    blocks,
  };
}

/** Whether `migrate up` would run: it reads the SQL of all pending files first. */
function canRun(statuses: readonly MigrationStatus[], folder: Folder): boolean {
  try {
    refuseDefects(folder);
    return planUp(statuses).every(({ up }) => up.kind === 'module' || up.sql !== undefined);
  } catch (error) {
    if (error instanceof DbopsError) return false;
    throw error;
  }
}

/** Returns the report on the folder alone, where the database cannot be read. */
function offlineReport({ format, findings, migrations }: Folder, error: DbopsError): Report {
  return {
    exitCode: error.exitCode,
    data: { format: format.name, migrations: [], counts: {}, findings },
    blocks: [
      { kind: 'findings', findings },
      text(
        `${formatCount(migrations.length)} migrations in the folder; the database could not be read`,
      ),
    ],
    error,
  };
}

/** Returns the first finding of each key: a format may explain a common finding better. */
function unique(findings: readonly Finding[]): Finding[] {
  const byKey = new Map(findings.toReversed().map((finding) => [finding.key, finding]));
  return findings.filter((finding) => byKey.get(finding.key) === finding);
}

function verdict(statuses: readonly MigrationStatus[], others: readonly Finding[]) {
  if (statuses.some(({ state }) => disagreement.has(state))) return exitCodes.desynchronised;
  if (others.some(({ severity }) => severity !== 'info')) return exitCodes.findings;
  return statuses.every(({ state }) => state === 'applied') ? exitCodes.done : exitCodes.pending;
}
