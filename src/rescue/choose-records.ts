import { usageError } from '../errors.ts';
import type { RescueRecord } from './record.ts';

/**
 * Returns the records of a migration, or the record with this id.
 * @throws usage error when there is none
 */
export function chosen(records: readonly RescueRecord[], name: string): RescueRecord[] {
  const found = records.filter(({ id, migration }) => migration === name || String(id) === name);
  if (found.length > 0) return found;
  throw usageError(
    'RESCUE.UNKNOWN',
    `No saved rows found: ${name}`,
    'Pass the name of a migration or an id: dbops rescue list',
    [...new Set(records.map(({ migration }) => migration))].slice(0, 12),
  );
}
