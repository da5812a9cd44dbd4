import type { Cell } from '../../report.ts';
import { formatCount } from '../../output/number.ts';
import { formatDecimal, unitsIn, type Decimal } from '../decimal.ts';

export const zero: Decimal = { units: 0n, scale: 0 };

export function add(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { units: unitsIn(scale, left) + unitsIn(scale, right), scale };
}

export function subtract(left: Decimal, { units, scale }: Decimal): Decimal {
  return add(left, { units: -units, scale });
}

export function sumOf(decimals: readonly Decimal[]): Decimal {
  return decimals.reduce(add, zero);
}

/**
 * Returns how the figures of one report are written: whole numbers where none has decimal places, else
 * text of which each has as many places as the longest.
 */
export function writerOf(
  decimals: readonly (Decimal | null)[],
): (decimal: Decimal) => bigint | string {
  const scale = Math.max(0, ...new Set(decimals.map((decimal) => decimal?.scale ?? 0)));
  return (decimal) => {
    const units = unitsIn(scale, decimal);
    if (scale === 0) return units;
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
    return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  };
}

/** Returns a figure with thousands separators, for people. */
export function formatFigure(value: Cell): string {
  if (typeof value === 'number' || typeof value === 'bigint') return formatCount(value);
  if (typeof value !== 'string') return '–';
  if (/^-?\d+$/.test(value)) return formatCount(BigInt(value));
  return /^-?\d+\.\d+$/.test(value) ? formatDecimal(value) : value;
}
