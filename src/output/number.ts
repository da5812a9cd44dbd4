const separated = new Intl.NumberFormat('en-US');

/** Returns a number with thousands separators, such as `1,234,567`. */
export function grouped(value: number | bigint): string {
  return separated.format(value);
}
