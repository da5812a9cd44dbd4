import { v5 as uuid5 } from 'uuid';
import { Reference, type SeedRow, type SeedTable, type SeedValue } from './definition.ts';

interface Identity {
  id: string;
  /** Created by a seed; `false` for an existing row that is reused. */
  isSeeded: boolean;
}

/** A fixture row with its id, and with ids in place of references. */
export type SeedRecord = Record<string, SeedValue>;

/** The namespace of every seeded id; changing it would orphan all seeded rows. */
const namespace = '6f0d7c9e-2f3b-4b0e-9a57-3c1f5d8e2a64';

/** Maps the names of fixture rows to ids. */
export class Identities {
  readonly #known = new Map<string, Identity>();

  set(table: string, name: string, identity: Identity): void {
    this.#known.set(nameOf({ table, name }), identity);
  }

  #get(reference: Reference): Identity {
    const known = this.#known.get(nameOf(reference));
    if (!known) throw new Error(`no earlier fixture row is ${nameOf(reference)}`);
    return known;
  }

  /** Returns the row as it is sent to the server. */
  record(fixture: SeedTable, row: SeedRow): SeedRecord {
    const entries = Object.entries(row.values).map(([column, value]) => [
      column,
      value instanceof Reference ? this.#get(value).id : value,
    ]);
    const record: SeedRecord = Object.fromEntries(entries);
    return hasChosenId(fixture) ? { id: chosenId(fixture, row), ...record } : record;
  }

  /** Returns whether a seed created all rows that this one refers to. */
  refersToSeededRows({ values }: SeedRow): boolean {
    return Object.values(values).every(
      (value) => !(value instanceof Reference) || this.#known.get(nameOf(value))?.isSeeded === true,
    );
  }
}

function nameOf({ table, name }: Reference): string {
  return `${table}:${name}`;
}

/** Returns whether the seed chooses the ids of this table. */
export function hasChosenId({ identity = 'chosen' }: SeedTable): boolean {
  return identity === 'chosen';
}

/** Returns the id of a row that a seed creates: the same in every database. */
export function chosenId({ table }: SeedTable, { name, values }: SeedRow): string {
  return typeof values['id'] === 'string'
    ? values['id']
    : uuid5(nameOf({ table, name }), namespace);
}
