import type { Context } from '../context.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import type { Folder } from '../formats/format.ts';
import type { Agreement, Protection } from './protect-rows.ts';
import { expectedLines } from './rows-report.ts';
import { countOf, placeOf } from '../rescue/report.ts';

export interface RescueFlags {
  /** Destroys without a copy. */
  discardData: boolean;
  /** Whether to restore rows for which the run recreates the table or column; absent: ask. */
  restore?: boolean | undefined;
}

/** What protecting rows works with. */
export interface Rescue {
  context: Context;
  session: Session;
  folder: Folder;
  flags: RescueFlags;
}

/**
 * Prints on stderr what the run destroys, and finds out whether saved rows are restored.
 *
 * @throws usage error when discarding needs consent on a protected database, and there is none
 */
export async function agreeToLosses(rescue: Rescue, protection: Protection): Promise<Agreement> {
  const { context, session, flags } = rescue;
  const { counts } = protection;
  for (const line of expectedLines(protection, flags.discardData)) context.note(line);
  const isLosing = counts.some(({ losses }) => losses.some(({ rows }) => rows !== 0));
  if (flags.discardData && isLosing && needsConsent(session, await readLabel(session)))
    await context.consent(
      `--discard-data destroys these rows of ${databaseName(session.target)} for good.`,
    );
  return { discards: flags.discardData, restores: await isWanted(rescue, protection) };
}

/** Saved values are restored before a backfill fills their column, unless --no-restore is given. */
async function isWanted(
  { context, flags }: Rescue,
  { returning, backfills }: Protection,
): Promise<boolean> {
  if (flags.restore !== undefined) return flags.restore;
  if (context.flags.yes) return true;
  if (returning.length === 0) return false;
  const what = returning.map(({ loss, rows }) => `${countOf(loss, rows)} of ${placeOf(loss)}`);
  if (backfills.length > 0) {
    context.note(
      `restores ${what.join(', ')} before the backfill ${backfills.join(', ')} fills what is empty (--no-restore leaves them in dbops_rescue)`,
    );
    return true;
  }
  const answer = await context.choose(`Restore what was saved: ${what.join(', ')}?`, [
    { name: 'yes', value: true },
    { name: 'no, leave it in dbops_rescue', value: false },
  ]);
  return answer ?? false;
}
