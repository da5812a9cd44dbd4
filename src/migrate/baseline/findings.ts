import type { Folder } from '../../formats/format.ts';
import type { BaselineProof } from './baseline.ts';
import type { Migration } from '../../migration.ts';
import { formatCountOf } from '../../output/number.ts';
import { shellWord } from '../../output/shell.ts';
import type { Finding } from '../../report.ts';
import { changesData, moduleChangesData } from '../../sql/changes-data.ts';
import { readText } from '../../text-file.ts';

/** What `migrate baseline` records, and the proof. */
export interface Baseline {
  folder: Folder;
  /** A prefix of the folder. */
  recorded: readonly Migration[];
  proof: BaselineProof;
  /** Whether `--to` named its end. */
  isNamed: boolean;
  dryRun: boolean;
}

/**
 * Returns findings for what the catalog cannot prove: changed rows, and files that changed nothing
 * in the catalog.
 */
export async function findingsOf(baseline: Baseline): Promise<Finding[]> {
  const proven = baseline.recorded.slice(0, baseline.proof.proven);
  const data = await Promise.all(proven.map(unprovenData));
  return [
    ...data.flat(),
    ...withoutTrace(baseline).map((migration, index) =>
      baseline.isNamed ? recordedAsNamed(migration) : leftPending(migration, index, baseline),
    ),
  ];
}

/** Returns the text that the user confirms. */
export function announcement(baseline: Baseline, database: string): string {
  const migrations = formatCountOf(baseline.recorded.length, 'migration');
  const recorded = `${migrations} will be recorded as applied on ${database} without being run.`;
  const traceless = withoutTrace(baseline);
  const [last] = traceless.slice(-1);
  if (!last) return recorded;
  const names = listed(traceless);
  return baseline.isNamed
    ? `${recorded} The catalog does not show whether these were applied: ${names}.`
    : `${recorded} These leave no trace in the catalog and remain pending, so dbops migrate up applies them: ${names}. If they are already applied, decline and run the command with --to ${shellWord(last.name)}.`;
}

/** Returns the next step for migrations that stay pending. */
export function nextStep(baseline: Baseline): string {
  const mayHaveRun = !baseline.isNamed && withoutTrace(baseline).length > 0;
  return mayHaveRun
    ? '→ Apply the others, if they are not applied yet: dbops migrate up'
    : '→ Apply the others: dbops migrate up';
}

/** Returns the files that change nothing in the catalog. */
function withoutTrace({ folder, proof }: Baseline): Migration[] {
  return folder.migrations.slice(proof.proven, proof.exact.at(-1));
}

const shown = 5;

function listed(migrations: readonly Migration[]): string {
  const names = migrations.slice(0, shown).map(({ name }) => name);
  const rest = migrations.length - names.length;
  return [...names, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

async function unprovenData({ name, up }: Migration): Promise<Finding[]> {
  const changes =
    up.kind === 'sql' ? await changesData(up.sql) : moduleChangesData(readText(up.file));
  if (!changes) return [];
  return [
    {
      code: 'data-not-proven',
      severity: 'warning',
      message: `${name} also changes rows, and the catalog does not show whether it did.`,
      help: `Check whether its rows exist: ${up.file}`,
      where: { object: up.file, migration: name },
      key: `data-not-proven:${name}`,
    },
  ];
}

function recordedAsNamed(migration: Migration): Finding {
  return noTrace(migration, {
    message: `${migration.name} is recorded because of --to, although the catalog does not show whether it was applied.`,
    help: `Check whether its changes were made: ${migration.up.file}`,
  });
}

function leftPending(migration: Migration, index: number, baseline: Baseline): Finding {
  const { folder, proof, dryRun } = baseline;
  // A file that creates what a later file drops cannot be the last one that was applied.
  const end = proof.exact.find((length) => length > proof.proven + index) ?? 0;
  const repeat = `dbops migrate baseline --to ${shellWord(folder.migrations[end - 1]?.name ?? '')}`;
  return noTrace(migration, {
    message: `${migration.name} remains pending: the catalog does not show whether it was applied.`,
    help: dryRun
      ? `If it was not applied: dbops migrate up. If it was, record it too: ${repeat}`
      : `If it was not applied: dbops migrate up. If it was, delete the rows that were just written to ${folder.tracking.table}, then: ${repeat}`,
  });
}

function noTrace({ name, up }: Migration, words: Pick<Finding, 'message' | 'help'>): Finding {
  return {
    code: 'no-trace',
    severity: 'warning',
    ...words,
    where: { object: up.file, migration: name },
    key: `no-trace:${name}`,
  };
}
