import { usageError } from '../errors.ts';
import type { Backfill } from './definition.ts';
import { organizationId } from './organization-id.ts';

/** Every backfill. */
export const backfills: Backfill[] = [organizationId];

/** The backfill that fills a column of the application's schema, if there is one. */
export function backfillOf(table: string, column: string): string | undefined {
  return backfills.find(({ targets }) =>
    targets.some((target) => target.table === table && target.column === column),
  )?.name;
}

/** @throws usage error for a name that nothing has */
export function backfillNamed(name: string): Backfill {
  const found = backfills.find((backfill) => backfill.name === name);
  if (found) return found;
  const names = backfills.map((backfill) => backfill.name).join(', ');
  throw usageError(
    'BACKFILL.UNKNOWN',
    `There is no backfill ${name}.`,
    `Known backfills: ${names}`,
  );
}
