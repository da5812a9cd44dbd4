import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { FolderContents } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { MigrationState, MigrationStatus } from '../runner/tracking-state.ts';

type Contents = Pick<FolderContents, 'migrations' | 'findings'>;

export interface Range {
  /** A name, a number or an unambiguous prefix; for `down` also `0`: roll back everything. */
  to?: string | undefined;
  /** Maximum number of migrations. */
  steps?: number | undefined;
}

/**
 * Returns the migrations that `up` applies, in order.
 * @throws code 6 when a recorded migration was edited or has no file; usage error for an unknown
 *   `to`, a number used twice, or a pending migration that is older than an applied one
 */
export function planUp(
  statuses: readonly MigrationStatus[],
  range: Range & { allowOutOfOrder?: boolean } = {},
): Migration[] {
  assertSynchronised(statuses);
  assertNoDuplicates(statuses);
  const late = statuses.filter(({ state }) => state === 'out-of-order');
  if (late.length > 0 && !range.allowOutOfOrder) throw outOfOrder(late);
  const end = range.to === undefined ? statuses.length : indexOfName(statuses, range.to) + 1;
  return statuses
    .slice(0, end)
    .filter(({ state }) => state === 'pending' || state === 'out-of-order')
    .flatMap(({ migration }) => migration ?? [])
    .slice(0, range.steps);
}

/**
 * Returns the migrations that `down` rolls back, the newest first: one, or `steps`, or all after
 * `to`.
 * @throws as `planUp`
 */
export function planDown(statuses: readonly MigrationStatus[], range: Range = {}): Migration[] {
  assertSynchronised(statuses);
  const start =
    range.to === undefined || meansNothing(statuses, range.to)
      ? 0
      : indexOfName(statuses, range.to) + 1;
  const limit = range.steps ?? (range.to === undefined ? 1 : undefined);
  return statuses
    .slice(start)
    .filter(({ state }) => state === 'applied')
    .flatMap(({ migration }) => migration ?? [])
    .toReversed()
    .slice(0, limit);
}

/** `0`, or several zeros as in `0000`; but a folder may contain `0000_init`. */
function meansNothing(statuses: readonly MigrationStatus[], to: string): boolean {
  return to === '0' || (/^0+$/.test(to) && !statuses.some(({ name }) => name.startsWith(to)));
}

/**
 * Returns the applied migrations, in order.
 * @throws code 6 when a recorded migration was edited or has no file
 */
export function appliedOf(statuses: readonly MigrationStatus[]): Migration[] {
  assertSynchronised(statuses);
  return statuses.flatMap(({ state, migration }) =>
    state === 'applied' && migration ? [migration] : [],
  );
}

/**
 * Returns the place of a migration.
 *
 * @param wanted a name, a number or an unambiguous prefix
 * @throws usage error for an unknown one
 */
export function indexOfName(
  statuses: readonly Pick<MigrationStatus, 'name'>[],
  wanted: string,
  option = '--to',
): number {
  const exact = statuses.findIndex(({ name }) => name === wanted);
  if (exact >= 0) return exact;
  const isWanted = /^\d+$/.test(wanted)
    ? (name: string) => Number.parseInt(name, 10) === Number(wanted)
    : (name: string) => name.startsWith(wanted);
  const begins = statuses.flatMap(({ name }, index) => (isWanted(name) ? [index] : []));
  const [only] = begins;
  if (only !== undefined && begins.length === 1) return only;
  const candidates =
    begins.length > 1
      ? begins.map((index) => statuses[index]?.name ?? '')
      : statuses.map(({ name }) => name);
  throw usageError(
    'MIGRATION.UNKNOWN',
    begins.length > 1
      ? `${option} ${wanted} matches ${begins.length} migrations.`
      : `Migration not found: ${wanted}`,
    `Pass the name of one of these to ${option}; dbops migrate status lists them all.`,
    candidates.slice(-12),
  );
}

/** Returns the newest applied migration where its file, and no older one, was edited since. */
export function editedNewest(statuses: readonly MigrationStatus[]): MigrationStatus | undefined {
  const recorded = statuses.filter(({ state }) => desynchronised.has(state) || state === 'applied');
  const newest = recorded.at(-1);
  const isAlone = recorded.slice(0, -1).every(({ state }) => state === 'applied');
  return isAlone && newest?.state === 'edited' ? newest : undefined;
}

const desynchronised: ReadonlySet<MigrationState> = new Set(['edited', 'missing-file', 'failed']);

/** The newest applied migration, whose file was edited since: as it was applied, and as it is now. */
export interface RecordedVersion {
  former: Migration;
  current: Migration;
}

/** Returns statuses in which the edited migration is the one that was applied. */
export function asRecorded(
  statuses: readonly MigrationStatus[],
  version: RecordedVersion | undefined,
): readonly MigrationStatus[] {
  if (!version) return statuses;
  const { former } = version;
  return statuses.map((status) => {
    const { name, state, recordedHash, appliedAt } = status;
    if (name !== former.name || recordedHash !== former.hash || state !== 'edited') return status;
    return {
      name,
      state: 'applied',
      hash: former.hash,
      recordedHash,
      appliedAt,
      migration: former,
    };
  });
}

/** Returns the migration as its file is now. */
export function currentOf(migration: Migration, version: RecordedVersion | undefined): Migration {
  return migration === version?.former ? version.current : migration;
}

function assertSynchronised(statuses: readonly MigrationStatus[]): void {
  if (!statuses.some(({ state }) => desynchronised.has(state))) return;
  const edited = statuses
    .filter(({ state }) => state === 'edited')
    .map(({ name }) => `${name}: edited after it was applied`);
  const missing = statuses
    .filter(({ state }) => state === 'missing-file')
    .map(({ name }) => `${name}: applied, but its file no longer exists`);
  const failed = statuses
    .filter(({ state }) => state === 'failed')
    .map(({ name }) => `${name}: recorded as started but not finished`);
  throw new DbopsError({
    code: 'TRACKING.DESYNCHRONISED',
    exitCode: exitCodes.desynchronised,
    message: 'The folder and the tracking table disagree; nothing was changed.',
    reason: [...edited, ...missing, ...failed],
    hint: editedNewest(statuses)
      ? 'To roll back the applied version and apply the edited one: dbops migrate redo (not on a protected database). Otherwise restore the applied version, and make the change in a new migration: dbops migrate new NAME'
      : edited.length > 0
        ? 'Find out what the database contains: dbops repair-tracking. If an edit changed the effect of a file, restore the applied version (dbops migrate status shows the difference) and make the change in a new migration: dbops migrate new NAME'
        : 'Find out what the database contains, and correct the tracking rows: dbops repair-tracking',
  });
}

/**
 * @throws usage error for a folder with a lost or unreadable migration. A fault of one readable
 *   migration stops only the runs that need it
 */
export function assertNoDefects({ migrations, findings }: Contents): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  const names = new Set(migrations.map(({ name }) => name));
  const defects = errors.filter(({ where }) => !names.has(where.object));
  const [first] = defects;
  if (!first) return;
  throw usageError(
    'FOLDER.DEFECT',
    'The migrations folder is incomplete; nothing was changed.',
    first.help,
    defects.map(({ message }) => message),
  );
}

function assertNoDuplicates(statuses: readonly MigrationStatus[]): void {
  const duplicates = statuses.filter(({ state }) => state === 'duplicate');
  if (duplicates.length === 0) return;
  throw usageError(
    'MIGRATION.DUPLICATE_NUMBER',
    'Two migrations have the same number, so their order is ambiguous.',
    'Rename the newer one to the next free number.',
    duplicates.map(({ name }) => name),
  );
}

function outOfOrder(late: MigrationStatus[]): DbopsError {
  return usageError(
    'MIGRATION.OUT_OF_ORDER',
    'A pending migration is older than one that is applied.',
    'Rename it to the next free number, or apply it now: dbops migrate up --allow-out-of-order',
    late.map(({ name }) => name),
  );
}
