/**
 * Returns a number rounded to a whole one, half away from zero, with thousands separators: `12,000`.
 * Intl.NumberFormat takes longer to create than most commands run.
 */
export function formatCount(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  const whole =
    typeof value === 'bigint' ? value : BigInt(Math.sign(value) * Math.round(Math.abs(value)));
  return String(whole).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** Returns `1 row` or `12,000 rows`. The plural adds an `s` unless it is given. */
export function formatCountOf(value: number | bigint, singular: string, plural = `${singular}s`) {
  return `${formatCount(value)} ${Number(value) === 1 ? singular : plural}`;
}

/**
 * Returns `part` as a percentage of `whole` with one decimal, such as `"80.0"`, or `null` where the
 * whole is 0. Neither may be negative. It is rounded half up in integers, so large figures stay exact.
 */
export function percent(part: bigint, whole: bigint): string | null {
  if (whole === 0n) return null;
  const tenths = (part * 2_000n + whole) / (whole * 2n);
  return `${tenths / 10n}.${tenths % 10n}`;
}

/** Returns a size in bytes as `35 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(
    Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1_024)),
    units.length - 1,
  );
  return `${formatCount(bytes / 1_024 ** power)} ${units[power]}`;
}
