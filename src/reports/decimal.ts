import type { Cell } from '../report.ts';
import { formatCount } from '../output/number.ts';

/** A numeric of the server, exactly: `unscaled` / 10^`scale`. */
export interface Decimal {
  unscaled: bigint;
  scale: number;
}

export const zero: Decimal = { unscaled: 0n, scale: 0 };

/** Parses a numeric as the server prints it; `undefined` for NaN and the infinities. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = ''] = match;
  return { unscaled: BigInt(whole + fraction), scale: fraction.length };
}

export function add(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { unscaled: scaled(left, scale) + scaled(right, scale), scale };
}

export function subtract(left: Decimal, { unscaled, scale }: Decimal): Decimal {
  return add(left, { unscaled: -unscaled, scale });
}

export function sumOf(decimals: readonly Decimal[]): Decimal {
  return decimals.reduce(add, zero);
}

/** Returns whether the left one is greater. */
export function exceeds(left: Decimal, right: Decimal): boolean {
  return subtract(left, right).unscaled > 0n;
}

/**
 * Returns `part` as a percentage of `whole` with one decimal, rounded half away from zero, or `null`
 * where the whole is not positive.
 */
export function percentOf(part: Decimal, whole: Decimal): string | null {
  const scale = Math.max(part.scale, whole.scale);
  const [of, all] = [scaled(part, scale), scaled(whole, scale)];
  if (all <= 0n) return null;
  const tenths = ((of < 0n ? -of : of) * 2_000n + all) / (all * 2n);
  return textOf({ unscaled: of < 0n ? -tenths : tenths, scale: 1 });
}

/**
 * Returns how the figures of one report are written: whole numbers where none has decimal places, else
 * text of which each has as many places as the longest.
 */
export function writerOf(
  decimals: readonly (Decimal | null)[],
): (decimal: Decimal) => bigint | string {
  const scale = Math.max(0, ...new Set(decimals.map((decimal) => decimal?.scale ?? 0)));
  return (decimal) =>
    scale === 0 ? decimal.unscaled : textOf({ unscaled: scaled(decimal, scale), scale });
}

/** Returns a figure with thousands separators, for people. */
export function formatFigure(value: Cell): string {
  if (typeof value === 'number' || typeof value === 'bigint') return formatCount(value);
  if (typeof value !== 'string') return '–';
  const [, sign = '', whole, fraction = ''] = /^(-?)(\d+)(\.\d+)?$/.exec(value) ?? [];
  return whole === undefined ? value : `${sign}${formatCount(BigInt(whole))}${fraction}`;
}

function scaled({ unscaled, scale }: Decimal, to: number): bigint {
  return unscaled * 10n ** BigInt(to - scale);
}

function textOf({ unscaled, scale }: Decimal): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const at = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, at)}.${digits.slice(at)}`;
}
