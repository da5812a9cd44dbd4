import { formatCount } from '../output/number.ts';
import type { Cell } from '../report.ts';

/** An exact decimal number: `units` / 10^`scale`. */
export interface Decimal {
  units: bigint;
  scale: number;
}

/** Parses `12`, `-0.50` or `1e-7`; returns undefined for any other text, such as `NaN`. */
export function parseDecimal(text: string): Decimal | undefined {
  if (/^-?\d+$/.test(text)) return { units: BigInt(text), scale: 0 };
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,4}))?$/i.exec(text.trim()) ?? [];
  if (whole === '') return undefined;
  const units = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

/** Returns the units of a number in a scale that is not less than its own. */
export function unitsIn(to: number, { units, scale }: Decimal): bigint {
  return to === scale ? units : units * 10n ** BigInt(to - scale);
}

/** Returns both numbers in the unit of the finer one. */
function aligned(one: Decimal, other: Decimal): [bigint, bigint] {
  const scale = Math.max(one.scale, other.scale);
  return [unitsIn(scale, one), unitsIn(scale, other)];
}

/** Returns a negative number, 0 or a positive number, as `one` is less than, equal to or greater than `other`. */
export function compareDecimals(one: Decimal, other: Decimal): number {
  const [left, right] = aligned(one, other);
  return left < right ? -1 : Number(left > right);
}

export function multiplyDecimals(one: Decimal, other: Decimal): Decimal {
  return { units: one.units * other.units, scale: one.scale + other.scale };
}

/**
 * Returns `part` as a percentage of `whole` with one decimal, such as `"80.0"`, rounded half up; null
 * where the whole is not positive.
 */
export function decimalPercent(part: Decimal, whole: Decimal): string | null {
  const [used, limit] = aligned(part, whole);
  if (limit <= 0n) return null;
  const size = used < 0n ? -used : used;
  const tenths = (size * 2_000n + limit) / (limit * 2n);
  return `${used < 0n && tenths > 0n ? '-' : ''}${tenths / 10n}.${tenths % 10n}`;
}

/** Returns a whole number as a bigint, and any other as text without trailing zeros: what JSON shows. */
export function decimalValue({ units, scale }: Decimal): bigint | string {
  if (scale === 0) return units;
  const unit = 10n ** BigInt(scale);
  if (units % unit === 0n) return units / unit;
  const size = units < 0n ? -units : units;
  const fraction = String(size % unit)
    .padStart(scale, '0')
    .replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${size / unit}.${fraction}`;
}

/** Returns a value of `decimalValue` with thousands separators. */
export function formatDecimal(value: bigint | string): string {
  if (typeof value === 'bigint') return formatCount(value);
  const [whole = '', fraction = ''] = value.replace('-', '').split('.');
  return `${value.startsWith('-') ? '-' : ''}${formatCount(BigInt(whole))}.${fraction}`;
}

/** Returns a figure as every report prints it for people; `NaN` and the infinities remain, and no figure is `–`. */
export function formatFigure(value: Cell): string {
  if (typeof value === 'number' || typeof value === 'bigint') return formatCount(value);
  if (typeof value !== 'string') return '–';
  const decimal = parseDecimal(value);
  return decimal ? formatDecimal(decimalValue(decimal)) : value;
}
