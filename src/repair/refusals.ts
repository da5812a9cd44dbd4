import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Judgement } from './verdict.ts';

/** Rows of which none is of this folder, and a catalog in which nothing is: it is another project's. */
export function refuseForeign(
  { directory, tracking, format }: Folder,
  { judgements, live, unexplained }: Diagnosis,
): void {
  const rows = live.rows?.length ?? 0;
  const isOfNone = judgements.every(
    ({ row, failed, orphan }) => (!row && failed.length === 0) || (orphan && !orphan.migration),
  );
  const isNothingThere = judgements.every(
    ({ inCatalog }) => inCatalog === 'absent' || inCatalog === 'no trace',
  );
  if (rows === 0 || !isOfNone || !isNothingThere) return;
  throw new DbopsError({
    code: 'REPAIR.FOREIGN_FOLDER',
    exitCode: exitCodes.desynchronised,
    message: `Nothing of ${directory} is in this database, neither in its schema nor in ${tracking.table}: it is another project’s. Nothing was changed.`,
    reason: [
      `${rows} rows in ${tracking.table}, none of a migration of this folder (${format.name})`,
      `${unexplained.length} objects that no migration of this folder makes`,
    ],
    hint: 'Name the folder that belongs to the database with --migrations DIR, or the database with --database-url URL.',
  });
}

/** Only what the catalog leaves open can be vouched for. */
export function refuseUnfounded(
  assumed: readonly string[],
  judgements: readonly Judgement[],
): void {
  for (const name of assumed) {
    const found = judgements.find((each) => each.migration?.name === name);
    if (!found)
      throw usageError(
        'REPAIR.UNKNOWN',
        `There is no migration ${name} that could be vouched for.`,
        'Give its whole name; dbops repair-tracking lists them.',
      );
    if (found.verdict !== 'absent') continue;
    throw usageError(
      'REPAIR.ABSENT',
      `${name} can not be recorded: the catalog shows that what it makes is not there.`,
      'Apply it: dbops migrate up',
      found.evidence
        .filter(({ showing }) => showing === 'out')
        .slice(0, 5)
        .map(({ change, object }) => `${change} ${object}: not there`),
    );
  }
}
