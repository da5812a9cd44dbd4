import { formatCountOf } from '../output/number.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Diagnosis } from './diagnose.ts';
import { isStray } from './rows.ts';
import type { Judgement } from './verdict.ts';

/** @throws code 6 when neither the rows nor the catalog have anything from this folder */
export function refuseForeign(
  { directory, tracking, format }: Folder,
  { judgements, live, unexplained }: Diagnosis,
): void {
  const rows = live.rows?.length ?? 0;
  const isOfNone = judgements.every(
    ({ row, failed, orphan }) => (!row && failed.length === 0) || (orphan && isStray(orphan)),
  );
  const isNothingThere = judgements.every(
    ({ inCatalog }) => inCatalog === 'absent' || inCatalog === 'no trace',
  );
  if (rows === 0 || !isOfNone || !isNothingThere) return;
  throw new DbopsError({
    code: 'REPAIR.FOREIGN_FOLDER',
    exitCode: exitCodes.desynchronised,
    message: `Neither the schema nor ${tracking.table} has anything from ${directory}: the database belongs to another project. Nothing was changed.`,
    reason: [
      `${formatCountOf(rows, 'row')} in ${tracking.table}, none from this folder (${format.name})`,
      `${formatCountOf(unexplained.length, 'object')} that no migration in this folder creates`,
    ],
    hint: 'Select the folder of this database with --migrations DIR, or another database with --database-url URL.',
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
        `Migration not found: ${name}`,
        'Use its full name; dbops repair-tracking lists them.',
      );
    if (found.verdict !== 'absent') continue;
    throw usageError(
      'REPAIR.ABSENT',
      `${name} cannot be recorded: its effects are not in the catalog.`,
      'Apply it: dbops migrate up',
      found.evidence
        .filter(({ showing }) => showing === 'out')
        .slice(0, 5)
        .map(({ change, object }) => `${change} ${object}: not there`),
    );
  }
}
