import type { Detail } from './differences.ts';

/** `not null: false, and not true`. */
export function describeDetail({ word, expected, live }: Detail): string {
  return `${word}: ${valueOf(live)}, and not ${valueOf(expected)}`;
}

const longest = 200;

function valueOf(value: unknown): string {
  if (value === undefined) return 'none';
  const shown =
    typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim() : JSON.stringify(value);
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}
