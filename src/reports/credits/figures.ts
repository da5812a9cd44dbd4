import { unitsIn, type Decimal } from '../decimal.ts';

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
