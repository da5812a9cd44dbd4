import type { Meter, Usage } from './definition.ts';
import type { TypesByPlace } from './prepare.ts';
import type { UsageRequest } from './windows.ts';

/** Statements run under the path of the role, so every operator and function of theirs is qualified. */
export const op = (operator: string) => `OPERATOR(pg_catalog.${operator})`;

/** A line break ends a comment at the end of declared SQL. */
export const wrapped = (sql: string) => `(\n${sql}\n)`;

export const asText = (sql: string) => `(${sql})::pg_catalog.text`;

/** Values of a statement, each once. */
export class Parameters {
  readonly values: string[] = [];
  readonly #places = new Map<string, string>();

  /** Returns the parameter in SQL. */
  add(value: string, type: 'text' | 'timestamptz' | 'timestamp'): string {
    const key = `${type} ${value}`;
    const known = this.#places.get(key);
    if (known) return known;
    const place = `$${this.values.push(value)}::pg_catalog.${type}`;
    this.#places.set(key, place);
    return place;
  }
}

export interface UsageQuery {
  usage: Usage;
  /** The requested meters. */
  meters: readonly (readonly [name: string, meter: Meter])[];
  types: TypesByPlace;
  request: UsageRequest;
  /** Meters of the latest value which an index answers by subject. */
  indexed: ReadonlySet<string>;
}

export interface SqlContext extends UsageQuery {
  parameters: Parameters;
}

export interface IndexedMeter {
  index: number;
  name: string;
  meter: Meter;
}

export function whereOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}
