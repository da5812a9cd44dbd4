import type { Cell } from '../report.ts';
import { formatCount } from './number.ts';

/** A value without a column format of its own. */
export function plain(value: Cell): string {
  if (value === null || value === undefined) return '–';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint' || typeof value === 'number') return formatCount(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
