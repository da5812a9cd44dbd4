const separated = new Intl.NumberFormat('en-US');

/** `12,000`: a whole number as the tables show it. */
export function grouped(value: number | bigint): string {
  return separated.format(value);
}

/**
 * `part` of `whole` in percent with one decimal, such as `"80.0"`, rounded half up in integers, so
 * that no digit of a large figure is lost; `null` where the whole is 0. Neither may be negative.
 */
export function percent(part: bigint, whole: bigint): string | null {
  if (whole === 0n) return null;
  const tenths = (part * 2_000n + whole) / (whole * 2n);
  return `${tenths / 10n}.${tenths % 10n}`;
}
