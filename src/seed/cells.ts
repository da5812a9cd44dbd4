import * as z from 'zod';
import type { SeedCell } from './definition.ts';

/** A value of a declared row: JSON text, SQL, or a row of another set. */
export type SeedValue =
  | { kind: 'json'; json: string }
  | { kind: 'sql'; sql: string }
  | { kind: 'ref'; set: string; key: readonly string[] };

const sqlCell = z.object({ $sql: z.string() });
const refCell = z.object({
  $ref: z.tuple([z.string()], z.union([z.string(), z.number(), z.boolean()])),
});

/** Returns the value of a cell. @throws TypeError when it is none of JSON */
export function valueOf(cell: SeedCell): SeedValue {
  if (typeof cell === 'object' && cell !== null && '$sql' in cell)
    return { kind: 'sql', sql: sqlCell.parse(cell).$sql };
  if (typeof cell === 'object' && cell !== null && '$ref' in cell) {
    const [set, ...key] = refCell.parse(cell).$ref;
    return { kind: 'ref', set, key: key.map(String) };
  }
  return { kind: 'json', json: jsonOf(cell) };
}

/**
 * Returns a value as JSON text. The input function of a column reads a string, so NaN, infinity and a bigint
 * keep their values.
 */
function jsonOf(cell: SeedCell): string {
  if (typeof cell === 'number' && !Number.isFinite(cell)) return JSON.stringify(String(cell));
  if (typeof cell === 'bigint') return String(cell);
  const json: string | undefined = JSON.stringify(cell, (_key, value: unknown) =>
    typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value,
  );
  if (json === undefined) throw new TypeError('a value of a row is a value, sql`…` or ref(…)');
  return json;
}

/** Returns the text by which `ref` names the value of a key column. */
export function keyTextOf(json: string): string {
  const value: unknown = JSON.parse(json);
  return typeof value === 'string' ? value : json;
}
