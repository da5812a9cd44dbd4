import type { Detail } from './differences.ts';

/** Returns a difference as text: `not null: expected true, found false`. */
export function describeDetail({ word, expected, live }: Detail): string {
  const [wanted, found] = [valueOf(expected), valueOf(live)];
  if (wanted !== found) return `${word}: expected ${wanted}, found ${found}`;
  return `${word}: ${firstDifference(textOf(expected), textOf(live))}`;
}

/** Returns what a change from `live` to `expected` does, such as `not null from false to true`. */
export function describeChange({ word, expected, live }: Detail): string {
  const [from, to] = [live, expected].map((value) => valueOf(value, longestOfChange));
  return from === to ? word : `${word} from ${from} to ${to}`;
}

const longestOfChange = 60;
/** Characters shown before and after a difference. */
const around = 25;

/** Returns where two texts differ that look alike: in white space, or behind what is shown of them. */
function firstDifference(expected: string, live: string): string {
  let at = 0;
  while (at < expected.length && expected[at] === live[at]) at++;
  const line = expected.slice(0, at).split('\n').length;
  const part = (text: string) => JSON.stringify(text.slice(Math.max(0, at - around), at + around));
  return `line ${line}: expected …${part(expected)}…, found …${part(live)}…`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const longest = 200;

function valueOf(value: unknown, length = longest): string {
  if (value === undefined) return 'none';
  const shown = textOf(value).replaceAll(/\s+/g, ' ').trim();
  return shown.length > length ? `${shown.slice(0, length)}…` : shown;
}
