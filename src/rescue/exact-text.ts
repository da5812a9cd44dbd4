import { ownPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';

/**
 * Settings under which text says all of a value, and says it the same every time (server manual,
 * "Locale and Formatting"); the path of dbops qualifies every name. With row_security off the
 * server refuses to leave rows out, rather than leaving them out.
 */
const exact: readonly [name: string, value: string][] = [
  ['DateStyle', 'ISO, YMD'],
  ['IntervalStyle', 'postgres'],
  ['TimeZone', 'UTC'],
  ['extra_float_digits', '1'],
  ['bytea_output', 'hex'],
  ['row_security', 'off'],
];

const qualified: readonly [name: string, value: string][] = [['search_path', ownPath]];

/** Runs `work` in the caller's transaction under those settings, and restores the previous ones. */
export function withExactText<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return withSettings(session, exact, work);
}

/** Runs `work` where every name that the server prints has its schema. */
export function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return withSettings(session, qualified, work);
}

async function withSettings<T>(
  session: Session,
  settings: typeof exact,
  work: () => Promise<T>,
): Promise<T> {
  const before = await session.query<{ name: string; value: string }>(
    `SELECT name, current_setting(name) AS value, set_config(name, wanted, true)
       FROM unnest($1::text[], $2::text[]) AS each (name, wanted)`,
    [settings.map(([name]) => name), settings.map(([, value]) => value)],
  );
  const result = await work();
  // After an error the transaction is over, and they with it.
  await session.query(
    'SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS each (name, value)',
    [before.map(({ name }) => name), before.map(({ value }) => value)],
  );
  return result;
}
