import { usageError } from '../errors.ts';
import type { Backfill } from './definition.ts';
import { organizationId } from './organization-id.ts';

/** Every backfill. */
export const backfills: Backfill[] = [organizationId];

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
