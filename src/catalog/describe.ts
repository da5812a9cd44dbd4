import type { Detail } from './differences.ts';

/** Returns a difference as text: `not null: expected true, found false`. */
export function describeDetail({ word, expected, live }: Detail): string {
  return `${word}: expected ${valueOf(expected)}, found ${valueOf(live)}`;
}

const longest = 200;

function valueOf(value: unknown): string {
  if (value === undefined) return 'none';
  const shown =
    typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim() : JSON.stringify(value);
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}
