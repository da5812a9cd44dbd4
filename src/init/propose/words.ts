import type { ColumnFacts, TableFacts } from '../schema-facts.ts';

/** Returns the words of a name, in lower case and in the singular: `usage`, `event` for `usageEvents`. */
export function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .map(singular);
}

function singular(word: string): string {
  if (/(?:ss|us|is)$/.test(word)) return word;
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.endsWith('s') && word.length > 3 ? word.slice(0, -1) : word;
}

/** Returns the column whose words are one of these phrases; earlier phrases win. */
export function columnNamed(
  { columns }: TableFacts,
  phrases: readonly string[],
  kinds?: readonly ColumnFacts['kind'][],
): ColumnFacts | undefined {
  const fits = columns.filter(({ kind }) => !kinds || kinds.includes(kind));
  for (const phrase of phrases) {
    const found = fits.find(({ name }) => wordsOf(name).join(' ') === phrase);
    if (found) return found;
  }
  return undefined;
}

/** Whether a name contains one of these words. */
export function hasWord(name: string, words: readonly string[]): boolean {
  const own = wordsOf(name);
  return words.some((word) => own.includes(word));
}

const createdNames = [
  'occurred at',
  'created at',
  'created',
  'timestamp',
  'time',
  'recorded at',
  'sampled at',
  'started at',
  'joined at',
  'inserted at',
  'at',
];

/** Words of times at which something else happened to a row, or will. */
const laterWords = `
  update updated modified changed edited refreshed synced deleted archived cancelled canceled
  revoked suspended disabled banned end ended finish finished closed completed processed
  delivered read expire expired expiry until due deadline valid renew trial reset next last
  seen scheduled retry confirmed verified approved paid birth born birthday dob`
  .trim()
  .split(/\s+/);

/**
 * Returns the column that says when a row came about: by its name, or else the first time that every row has,
 * such as `called_at` or `ts`.
 */
export function timeOf(table: TableFacts): ColumnFacts | undefined {
  return columnNamed(table, createdNames, ['time']) ?? eventTimeOf(table);
}

/** Returns the time of what a row is about, of a table that has no `created_at`. */
export function eventTimeOf(table: TableFacts): ColumnFacts | undefined {
  if (columnNamed(table, createdNames, ['time'])) return undefined;
  const times = table.columns.filter(
    ({ kind, name }) => kind === 'time' && !hasWord(name, laterWords),
  );
  const [first, another] = times.toSorted(
    (a, b) => Number(b.notNull) - Number(a.notNull) || Number(b.isFilled) - Number(a.isFilled),
  );
  // One that some rows lack is that of the row where it is the only one.
  return first?.notNull || first?.isFilled || !another ? first : undefined;
}

/** Columns that are NULL while a row is in use. */
export const deletedNames = ['deleted at', 'archived at'];

/** What the column with the plan of a user or an organization is called, the likelier first. */
export const planNames = [
  'plan',
  'plan tier',
  'tier',
  'subscription tier',
  'plan name',
  'subscription plan',
];
