import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { Session } from '../db/session.ts';
import type { Folder, Format } from '../formats/format.ts';
import type { AppliedMigration } from '../migration.ts';
import { shellWord } from '../output/shell.ts';
import type { Finding } from '../report.ts';
import { editOf, type FileEdit } from '../sql/edit-diff.ts';
import { readCheckpoints } from '../runner/checkpoint.ts';
import type { Checkpoint } from '../runner/checkpoint-row.ts';
import type { MigrationState, MigrationStatus } from '../runner/tracking-state.ts';

/** Returns findings for the states of migrations, each with its fix. */
export async function findingsOfStates(
  statuses: readonly MigrationStatus[],
  format: Format,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let lookups = 0;
  const isVersioned = statuses.some(needsHistory) && isInRepository(folderOf(statuses));
  for (const status of statuses) {
    if (status.state === 'applied' || status.state === 'pending') continue;
    const explanation =
      status.state === 'edited'
        ? await explainEdit(status, format, ++lookups <= mostLookups, isVersioned)
        : explain(status, isVersioned);
    if (explanation) findings.push(toFinding(status, explanation));
  }
  return findings;
}

/** Each explained edit starts git several times. */
const mostLookups = 20;

function needsHistory({ state }: MigrationStatus): boolean {
  return state === 'missing-file' || state === 'edited';
}

function folderOf(statuses: readonly MigrationStatus[]): string {
  const file = statuses.find(({ migration }) => migration)?.migration?.up.file;
  return file ? dirname(resolve(file)) : process.cwd();
}

/** Advice about git is given only where git is available. */
function isInRepository(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(`${at}/.git`)) return true;
    if (dirname(at) === at) return false;
  }
}

/** grep reads each line as a pattern of its own. */
function firstLine(name: string): string {
  return name.split('\n')[0] ?? '';
}

interface StateExplanation {
  severity: Finding['severity'];
  message: string;
  help: string;
}

function toFinding({ name, state }: MigrationStatus, explanation: StateExplanation): Finding {
  return { code: state, ...explanation, where: { object: name }, key: `${state}:${name}` };
}

function explain(
  { name, state, migration }: MigrationStatus,
  isVersioned: boolean,
): StateExplanation | undefined {
  const explanations: Partial<Record<MigrationState, StateExplanation>> = {
    'missing-file': {
      severity: 'error',
      message: `${name || '(empty name)'} is recorded as applied, but the folder has no such migration.`,
      help: isVersioned
        ? `If its file was renamed: dbops repair-tracking. Otherwise restore the file: git log --diff-filter=D --summary | grep -F -- ${shellWord(firstLine(name))}`
        : 'If its file was renamed: dbops repair-tracking. Otherwise restore the file, from a backup or from whoever applied it.',
    },
    failed: {
      severity: 'error',
      message: `${name} is recorded as started but not finished; part of it may be applied.`,
      help: 'Compare the database with the file, then finish the migration or roll it back: dbops repair-tracking',
    },
    duplicate: {
      severity: 'error',
      message: `${name} has the same number as another migration, so their order is ambiguous.`,
      help: 'Rename the newer one to the next free number.',
    },
    'out-of-order': {
      severity: 'warning',
      message: `${name} is pending, and older than a migration that is applied.`,
      help: `If it is already applied: dbops repair-tracking. Otherwise apply it: dbops migrate up --allow-out-of-order${migration ? `, or give ${fileOf(migration.up.file)} a newer number` : ''}`,
    },
  };
  return explanations[state];
}

async function explainEdit(
  { name, migration, recordedHash }: MigrationStatus,
  { hashOf }: Format,
  lookUp: boolean,
  isVersioned: boolean,
): Promise<StateExplanation> {
  const edit: FileEdit =
    lookUp && migration && recordedHash && hashOf
      ? await editOf(migration, recordedHash, hashOf)
      : { kind: 'unknown' };
  const file = fileOf(migration?.up.file ?? name);
  return {
    severity: 'error',
    message: `${name} was edited after it was applied: ${differences[edit.kind]}.`,
    help: edit.commit
      ? `${means.has(edit.kind) ? repaired : ''}Restore the applied version, and make the change in a new migration: git checkout ${edit.commit.slice(0, 12)} -- ${file}`
      : `${means.has(edit.kind) ? repaired : ''}Restore the applied version (${isVersioned ? `git log -p -- ${file}` : 'from a backup'}), and make the change in a new migration.`,
  };
}

const means: ReadonlySet<FileEdit['kind']> = new Set(['white-space', 'comments']);
const repaired = 'To record the new hash: dbops repair-tracking. Or: ';

const differences: Record<FileEdit['kind'], string> = {
  'white-space': 'only its line endings, or the white space at its end, differ',
  comments: 'only comments and layout differ, its statements are the same',
  content: 'its content differs',
  unknown: 'the applied version could not be found',
};

function fileOf(file: string): string {
  return shellWord(relative(process.cwd(), file));
}

/**
 * Returns findings for interrupted files that run statement by statement: what the next run does.
 */
export async function findingsOfCheckpoints(session: Session, folder: Folder): Promise<Finding[]> {
  return (await readCheckpoints(session, folder)).map(({ migration, direction, ...rest }) => ({
    code: 'half-done',
    severity: 'warning',
    message: `migrate ${direction} of ${migration} was interrupted: ${prospect(rest)}.`,
    help: `To continue: dbops migrate ${direction}`,
    where: { object: migration },
    key: `half-done:${migration}`,
  }));
}

function prospect({ done, begun, gone }: Pick<Checkpoint, 'done' | 'begun' | 'gone'>): string {
  if (gone.length > 0)
    return `but ${gone.join(', ')}, which its first ${done} statements changed, ${gone.length === 1 ? 'was' : 'were'} dropped or created again; the next run says how to continue`;
  const open = begun
    ? '; whether statement ' + String(done + 1) + ' was applied is checked then'
    : '';
  return `its first ${done} statements are applied, and the next run continues after them${open}`;
}

/** Returns findings for rows that were recorded in another order than the folder's. */
export function findingsOfOrder(
  applied: readonly AppliedMigration[],
  statuses: readonly MigrationStatus[],
): Finding[] {
  const present = statuses.filter(({ migration }) => migration);
  const places = new Map(present.map(({ name }, index) => [name, index]));
  const known = applied.filter(({ name }) => places.has(name));
  const placeOf = ({ name }: AppliedMigration) => places.get(name) ?? 0;
  return known.flatMap((row, index) => {
    const before = known[index - 1];
    if (!before || placeOf(before) < placeOf(row)) return [];
    return {
      code: 'recorded-late',
      severity: 'info' as const,
      message: `${row.name} was recorded after ${before.name}, which comes later in the folder.`,
      help: 'If the two do not depend on each other, no action is needed. To compare the schema: dbops verify',
      where: { object: row.name },
      key: `recorded-late:${row.name}`,
    };
  });
}
