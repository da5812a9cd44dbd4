import type { SeedCell } from './definition.ts';

/** A value of a declared row: JSON text, SQL, or a row of another set. */
export type SeedValue =
  | { kind: 'json'; json: string }
  | { kind: 'sql'; sql: string }
  | { kind: 'ref'; set: string; key: readonly string[] };

/** Returns the value of a cell. @throws TypeError when it is none of JSON, or a reference of another form */
export function valueOf(cell: SeedCell): SeedValue {
  if (typeof cell !== 'object' || cell === null) return { kind: 'json', json: jsonOf(cell) };
  if ('$sql' in cell && typeof cell.$sql === 'string') return { kind: 'sql', sql: cell.$sql };
  if (!('$ref' in cell)) return { kind: 'json', json: jsonOf(cell) };
  const [set, ...key]: unknown[] = Array.isArray(cell.$ref) ? cell.$ref : [];
  if (typeof set === 'string' && key.every(isKeyValue))
    return { kind: 'ref', set, key: key.map(String) };
  throw new TypeError('a reference is { "$ref": [SET, KEY…] }');
}

function isKeyValue(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
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
