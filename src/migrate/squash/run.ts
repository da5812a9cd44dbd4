import { existsSync, renameSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Context } from '../../context.ts';
import { needsConsent, readLabel } from '../../db/meta.ts';
import type { Session } from '../../db/session.ts';
import { databaseName } from '../../db/target.ts';
import { DbopsError, exitCodes, usageError } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import { formatCountOf } from '../../output/number.ts';
import type { Report } from '../../report.ts';
import { refuseForgottenTable } from '../../runner/tracking-elsewhere.ts';
import { readApplied } from '../../runner/tracking-state.ts';
import { uncommittedFiles } from '../../sql/git-history.ts';
import { underLocks } from '../run.ts';
import { planSquash, type SquashAsked, type SquashPlan } from './plan.ts';
import { proveSquash } from './prove.ts';
import { squashReport, type Squash } from './report.ts';
import { applyRows, planRows } from './rows.ts';
import { removeFiles, withStaged, writeTexts, type Staged } from './stage.ts';

export interface SquashFlags extends SquashAsked {
  /** Whether files are removed that git does not have. */
  force: boolean;
  dryRun: boolean;
  /** Milliseconds to wait for another run. */
  wait: number;
}

/**
 * Replaces migrations of the folder by one that replays to the same catalog, and their tracking rows by
 * one row. A run that was interrupted is finished by the same command.
 *
 * @throws usage error for migrations that cannot be squashed; code 6 where only some are recorded
 */
export async function runSquash(
  context: Context,
  session: Session,
  folder: Folder,
  flags: SquashFlags,
): Promise<Report> {
  const { applied } = await readApplied(session, folder); // rejects a table that is not the tool's
  if (applied.length === 0) await refuseForgottenTable(context, session, folder);
  const plan = await planSquash(folder, flags);
  return withStaged(folder, plan, context.settings.trackingTable, async (staged) => {
    const rows = await planRows(session, folder, { plan, squashed: staged.squashed });
    if (plan.isHalfRemoved && rows.state === 'all') throw notInterrupted(staged);
    const squash: Squash = { folder, plan, staged, rows, cwd: context.io.cwd };
    const failure = await failureOfProof(context, session, squash);
    if (flags.dryRun || failure) return squashReport(squash, { ...(failure && { failure }) });
    if (!flags.force) await refuseUncommitted(folder, plan, context.io.cwd);
    const undo = await write(context, session, squash, flags);
    return squashReport(squash, { isDone: true, ...(undo !== undefined && { undo }) });
  });
}

async function failureOfProof(
  context: Context,
  session: Session,
  { folder, plan, staged }: Squash,
): Promise<DbopsError | undefined> {
  if (plan.isHalfRemoved) return undefined;
  try {
    await proveSquash(context, session, folder, { plan, staged });
    return undefined;
  } catch (error) {
    if (error instanceof DbopsError && error.code.startsWith('SQUASH.')) return error;
    throw error;
  }
}

/**
 * Writes the new file, then the rows, and removes the old files last: at every moment the folder has a
 * file for each row, or the same command can finish.
 *
 * @returns the id of the undo record; undefined where no row was changed
 */
async function write(
  context: Context,
  session: Session,
  squash: Squash,
  { wait }: SquashFlags,
): Promise<string | undefined> {
  const { folder, plan } = squash;
  const { add, replace, remove } = plan.changes;
  if (squash.rows.state === 'all') await agree(context, session, squash);
  if (!plan.isWritten) writeTexts(folder.directory, add);
  let undo: string | undefined;
  try {
    undo = await writeRowsOf(context, session, squash, wait);
  } catch (error) {
    if (!plan.isWritten) removeFiles(folder.directory, Object.keys(add));
    throw error;
  }
  replaceTexts(folder.directory, replace);
  removeFiles(folder.directory, remove);
  return undo;
}

async function writeRowsOf(
  context: Context,
  session: Session,
  { folder, rows }: Squash,
  wait: number,
): Promise<string | undefined> {
  if (rows.state !== 'all') return undefined;
  return underLocks({ context, session, folder, patience: wait }, async (locks) => {
    await locks.check();
    return applyRows(session, folder, rows, context.settings.lockTimeout);
  });
}

async function agree(
  context: Context,
  session: Session,
  { folder, plan, staged }: Squash,
): Promise<void> {
  if (!needsConsent(session, await readLabel(session))) return;
  const rows = formatCountOf(plan.members.length, 'row', 'rows');
  await context.consent(
    `This replaces ${rows} of ${folder.tracking.table} by one for ${staged.squashed.name}. The database is ${databaseName(session.target)}.`,
  );
}

/** Each file is replaced at once: a tool that reads meanwhile finds the old or the new text. */
function replaceTexts(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    writeTexts(directory, { [`${file}.new`]: text });
    renameSync(join(directory, `${file}.new`), join(directory, file));
  }
}

/** @throws usage error where git lacks the text of a file that is removed or replaced */
async function refuseUncommitted(
  { directory }: Folder,
  { changes: { remove, replace }, losesDown }: SquashPlan,
  cwd: string,
): Promise<void> {
  const files = [...remove, ...Object.keys(replace)].filter((file) =>
    existsSync(join(directory, file)),
  );
  const uncommitted = await uncommittedFiles(directory, files);
  if (!uncommitted && losesDown)
    throw usageError(
      'SQUASH.UNCOMMITTED',
      'The down files would be lost: the folder is not in a git repository. Nothing was changed.',
      'Commit the folder to git, or save the down files. To squash anyway: --force',
    );
  if (!uncommitted || uncommitted.length === 0) return;
  throw usageError(
    'SQUASH.UNCOMMITTED',
    `${formatCountOf(uncommitted.length, 'file that would be removed is', 'files that would be removed are')} not committed. Nothing was changed.`,
    `Commit the folder: git add ${relative(cwd, directory) || '.'} && git commit. To squash anyway: --force`,
    uncommitted.slice(0, 10),
  );
}

function notInterrupted({ squashed }: Staged): DbopsError {
  return new DbopsError({
    code: 'SQUASH.PARTLY',
    exitCode: exitCodes.desynchronised,
    message: `${squashed.name} replaces files that are missing, but their rows remain. Nothing was changed.`,
    hint: 'Restore the missing files with git, or correct the rows: dbops repair-tracking',
  });
}
