import { usageError } from '../../errors.ts';
import { excerpt } from '../../sql/error-position.ts';
import { splitStatements, SqlSyntaxError } from '../../sql/statements.ts';
import { isReserved } from '../select-checks.ts';
import type { Probe } from './definition.ts';

/** A probe whose statements can all be rolled back. */
export interface NamedProbe extends Probe {
  name: string;
  /** Such as `probes.negative-amount`. */
  place: string;
}

/**
 * Returns the probes of the configuration.
 *
 * @param taken names of data checks
 * @throws usage error that lists every probe with a syntax error, with a name that something else has, and every
 *   one that controls the transaction, which would not be rolled back
 */
export async function probesOf(
  declared: Readonly<Record<string, Probe>>,
  taken: readonly string[],
): Promise<NamedProbe[]> {
  const problems: string[] = [];
  for (const [name, { given, sql }] of Object.entries(declared)) {
    if (isReserved(name) || taken.includes(name))
      problems.push(`probes.${name}: a check has this name`);
    if (given !== undefined) problems.push(...(await problemsOf(`probes.${name}.given`, given)));
    problems.push(...(await problemsOf(`probes.${name}.sql`, sql)));
  }
  if (problems.length > 0)
    throw usageError(
      'PROBES.INVALID',
      'Invalid probes; none was run.',
      'Correct them in the configuration; docs/verify.md#behaviour describes a probe.',
      problems,
    );
  return Object.entries(declared).map(([name, probe]) => ({
    ...probe,
    name,
    place: `probes.${name}`,
  }));
}

async function problemsOf(place: string, sql: string): Promise<string[]> {
  try {
    const statements = await splitStatements(sql);
    if (statements.every((each) => each.sql.trim() === '')) return [`${place}: no statement`];
    return statements.flatMap((each) => {
      const what = each.controlsTransaction
        ? 'controls the transaction'
        : each.readsStdin
          ? 'reads rows from the input of psql'
          : undefined;
      return what === undefined ? [] : [`${place}: ${what}: ${each.sql.trim()}`];
    });
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return [`${place}: ${error.message}`, ...excerpt(sql, error.offset)];
  }
}
