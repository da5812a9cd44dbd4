import { v5 as uuid5 } from 'uuid';

/** The namespace of every seeded id; changing it would orphan all seeded rows. */
const namespace = '6f0d7c9e-2f3b-4b0e-9a57-3c1f5d8e2a64';

/** Returns the id of a seeded row: the same in every database and every version. */
export function seedId(table: string, name: string): string {
  return uuid5(`${table}:${name}`, namespace);
}
