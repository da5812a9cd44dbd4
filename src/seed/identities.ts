import { Reference, type SeedRow, type SeedTable, type Value } from './definition.ts';
import { uuid5 } from './uuid.ts';

interface Identity {
  id: string;
  /** Made by a seed; false for a row that was there and is adopted. */
  ours: boolean;
}

/** A row of a fixture with its id, and with ids in place of references. */
export type SeedRecord = Record<string, Value>;

/** Which id stands behind each name of the fixtures. */
export class Identities {
  readonly #known = new Map<string, Identity>();

  set(table: string, name: string, identity: Identity): void {
    this.#known.set(nameOf({ table, name }), identity);
  }

  #get(reference: Reference): Identity {
    const known = this.#known.get(nameOf(reference));
    if (!known) throw new Error(`no earlier row of the fixtures is ${nameOf(reference)}`);
    return known;
  }

  /** The row as Postgres gets it. */
  record(fixture: SeedTable, row: SeedRow): SeedRecord {
    const entries = Object.entries(row.values).map(([column, value]) => [
      column,
      value instanceof Reference ? this.#get(value).id : value,
    ]);
    const record: SeedRecord = Object.fromEntries(entries);
    return chooses(fixture) ? { id: chosenId(fixture, row), ...record } : record;
  }

  /** Whether all rows that this one refers to were made by a seed. */
  refersToOurs({ values }: SeedRow): boolean {
    return Object.values(values).every(
      (value) => !(value instanceof Reference) || this.#known.get(nameOf(value))?.ours === true,
    );
  }
}

function nameOf({ table, name }: Reference): string {
  return `${table}:${name}`;
}

/** Whether the seed gives the rows of this table their ids. */
export function chooses({ identity = 'chosen' }: SeedTable): boolean {
  return identity === 'chosen';
}

/** The id that a row has, or would have, when a seed makes it. */
export function chosenId({ table }: SeedTable, { name, values }: SeedRow): string {
  return typeof values['id'] === 'string' ? values['id'] : uuid5(nameOf({ table, name }));
}
