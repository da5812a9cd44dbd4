import type { Cell } from '../report.ts';

/** A value without a column format of its own. */
export function plain(value: Cell): string {
  if (value === null || value === undefined) return '–';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint' || typeof value === 'number') return groupDigits(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function groupDigits(value: number | bigint): string {
  return new Intl.NumberFormat('en-US').format(value);
}
