import { formatCountOf } from '../output/number.ts';

/** What SQL did to the rows of a table. */
export interface TableEffect {
  /** Such as `public.accounts`. */
  table: string;
  added: number;
  changed: number;
  removed: number;
  /** Rows that it held before this transaction. */
  existing: number;
}

/** Returns a line such as `public.accounts: 2 rows added, 1 row changed`. */
export function describeEffect({ table, added, changed, removed }: TableEffect): string {
  const parts = Object.entries({ added, changed, removed })
    .filter(([, rows]) => rows > 0)
    .map(([what, rows]) => `${formatCountOf(rows, 'row')} ${what}`);
  return `${table}: ${parts.join(', ')}`;
}
