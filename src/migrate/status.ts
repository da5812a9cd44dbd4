import type { Session } from '../db/session.ts';
import type { StatusData } from '../documents.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { findingsOf } from '../formats/open-folder.ts';
import { formatCount } from '../output/number.ts';
import {
  text,
  type Block,
  type Cell,
  type Column,
  type Finding,
  type Report,
  type Tone,
} from '../report.ts';
import {
  countBy,
  migrationStates,
  nothingRecorded,
  readState,
  type MigrationStatus,
} from '../runner/tracking-state.ts';
import { planUp, assertNoDefects } from './plan.ts';
import { findingsOfCheckpoints, findingsOfOrder, findingsOfStates } from './status-findings.ts';
import { findElsewhere, findingsOfElsewhere } from '../runner/tracking-elsewhere.ts';
import { findUnsupported, findingsOfUnsupported } from '../runner/unsupported-tools.ts';

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

/**
 * Returns the state of every migration, and where folder and tracking table disagree.
 *
 * @param isChosen whether the user named the tracking table
 * @param check whether the exit code reports the state
 */
export async function statusReport(
  session: Session,
  folder: Folder,
  { isChosen, check }: { isChosen: boolean; check: boolean },
): Promise<Report<StatusData>> {
  // The down files are read while the server answers.
  const reading = readState(session, folder);
  reading.catch(() => {}); // awaited below
  const ofFolder = findingsOf(folder);
  const { applied, findings: ofRows, statuses } = await reading;
  const elsewhere = nothingRecorded(statuses) ? await findElsewhere(session, folder) : [];
  const foreign =
    nothingRecorded(statuses) && !isChosen ? await findUnsupported(session, folder) : [];
  const others = unique([
    ...findingsOfUnsupported(foreign, folder),
    ...findingsOfElsewhere(elsewhere, folder, isChosen),
    ...ofFolder,
    ...ofRows,
    ...findingsOfOrder(applied, statuses),
    ...(await findingsOfCheckpoints(session, folder)),
  ]);
  const findings = unique([...others, ...(await findingsOfStates(statuses, folder.format))]);
  const counts = countsOf(statuses);
  const rows = statuses.map(({ name, state, appliedAt }) => ({ name, state, appliedAt }));
  const blocks: Block[] = [{ kind: 'table', columns, rows }];
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
    data: {
      format: folder.format.name,
      // Read only for a document.
      get migrations() {
        return statuses.map(toJson);
      },
      counts,
      findings,
    },
    blocks,
  };
}

function countsOf(statuses: readonly MigrationStatus[]): Record<string, number> {
  const found = countBy(statuses, ({ state }) => state);
  return Object.fromEntries(migrationStates.map((state) => [state, found.get(state) ?? 0]));
}

function toJson({ name, state, hash, recordedHash, appliedAt }: MigrationStatus) {
  // toJSON() returns null for a time that is none.
  return { name, state, hash, recordedHash, appliedAt: appliedAt?.toJSON() ?? null };
}

/** Returns whether `migrate up` would run: it reads the SQL of all pending files first. */
function canRun(statuses: readonly MigrationStatus[], folder: Folder): boolean {
  try {
    assertNoDefects(folder);
    return planUp(statuses).every(({ up }) => up.kind === 'module' || up.sql !== undefined);
  } catch (error) {
    if (error instanceof DbopsError) return false;
    throw error;
  }
}

/** Returns the findings on the folder, where the database cannot be read; undefined when there are none. */
export function offlineReport(folder: Folder, error: DbopsError): Report<StatusData> | undefined {
  const findings = findingsOf(folder);
  const { format, migrations } = folder;
  if (findings.length === 0) return undefined;
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
