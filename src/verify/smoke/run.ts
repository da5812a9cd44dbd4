import type { DatabaseError } from 'pg';
import { codeOf, isConnectionLoss } from '../../db/connection-error.ts';
import { quoteIdentifier as q } from '../../db/quote.ts';
import { toUserPath } from '../../db/search-path.ts';
import { ScriptError, type Session } from '../../db/session.ts';
import { isSqlState, sqlstate } from '../../db/sqlstate.ts';
import { formatCountOf } from '../../output/number.ts';
import { oneLine } from '../../output/sanitise.ts';
import type { Finding } from '../../report.ts';
import { serverSays } from '../../sql/error-position.ts';
import type { Probe } from './definition.ts';
import type { NamedProbe } from './read.ts';

/** Milliseconds. */
const defaultTimeout = 10_000;

/**
 * Runs a probe in a transaction that is rolled back, whatever happens. Sequences keep the numbers that it took.
 *
 * @param lockTimeout milliseconds that a statement waits for a lock
 * @returns the finding, where it did something else than it must, or could not be judged
 * @throws what concerns every probe, such as a lost connection
 */
export async function runProbe(
  session: Session,
  probe: NamedProbe,
  lockTimeout: number,
): Promise<Finding | undefined> {
  const { given, settings = {}, as: role, timeout = defaultTimeout } = probe;
  await session.script(
    `BEGIN; ${toUserPath}; SET LOCAL lock_timeout = ${lockTimeout}; SET LOCAL statement_timeout = ${timeout}`,
  );
  try {
    const prepared = await attempt(async () => {
      if (given !== undefined) await session.script(given);
      for (const [name, value] of Object.entries(settings))
        await session.query('SELECT pg_catalog.set_config($1, $2, true)', [name, value]);
      if (role !== undefined) await session.script(`SET LOCAL ROLE ${q(role)}`);
    });
    if (prepared.error !== undefined)
      return notJudged(probe, 'it could not be prepared', prepared.error);
    return findingOf(probe, await attempt(() => lastResult(session, probe.sql)));
  } finally {
    await session.script('ROLLBACK');
  }
}

interface Attempt<T> {
  value?: T;
  /** Of the server. */
  error?: DatabaseError;
}

async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const cause = error instanceof ScriptError ? error.cause : error;
    if (!isSqlState(codeOf(cause)) || isConnectionLoss(cause)) throw error;
    return { error: cause as DatabaseError };
  }
}

/** What a statement returned, each value as the server prints it, or how many rows it changed. */
interface Result {
  fields: readonly { name: string }[];
  rows: readonly (string | null)[][];
  rowCount: number | null;
}

/** Deferred constraints are checked before the result counts, as a COMMIT would. */
async function lastResult({ client }: Session, sql: string): Promise<Result> {
  const text = `${sql}\n`;
  const types = { getTypeParser: () => String };
  const answers: unknown = await client.query({ text, types, rowMode: 'array' });
  await client.query('SET CONSTRAINTS ALL IMMEDIATE');
  // pg returns one result per statement, which its types do not express.
  return [answers].flat().at(-1) as Result;
}

/** Errors that say nothing about what is probed. */
const unjudged: Readonly<Record<string, string>> = {
  [sqlstate.lockNotAvailable]: 'another session holds a lock that it needs',
  [sqlstate.queryCanceled]: 'it was cancelled by its timeout',
  [sqlstate.readOnlySqlTransaction]: 'the server accepts no writes',
};

function findingOf(probe: NamedProbe, { value, error }: Attempt<Result>): Finding | undefined {
  if (error?.code !== undefined && error.code !== probe.fails) {
    const why = unjudged[error.code];
    if (why !== undefined) return notJudged(probe, why, error);
  }
  const expected = expectation(probe);
  if (error) {
    if (error.code === probe.fails && isConstraint(probe, error)) return undefined;
    return wrong(probe, `${expected}; it failed: ${serverSays(error).join(' ')}`);
  }
  if (!value) return undefined;
  if (probe.fails !== undefined) return wrong(probe, `${expected}; it succeeded.`);
  const { returns } = probe;
  const count = value.fields.length > 0 ? value.rows.length : (value.rowCount ?? 0);
  if (returns === undefined) return undefined;
  if (typeof returns === 'number')
    return returns === count
      ? undefined
      : wrong(probe, `${expected}; it returned ${formatCountOf(count, 'row')}.`);
  const wanted = returns.map((row) => textOfRow(row));
  const found = value.rows.map((row) =>
    textOfRow(Object.fromEntries(value.fields.map(({ name }, at) => [name, row[at] ?? null]))),
  );
  return wanted.length === found.length && wanted.every((row, at) => row === found[at])
    ? undefined
    : wrong(probe, `${expected}; it returned ${found.join(', ') || 'no row'}.`);
}

function isConstraint({ constraint }: Probe, error: DatabaseError): boolean {
  return constraint === undefined || error.constraint === constraint;
}

function expectation({ fails, constraint, returns }: Probe): string {
  if (fails !== undefined)
    return `Expected SQLSTATE ${fails}${constraint === undefined ? '' : ` of ${constraint}`}`;
  if (returns === undefined) return 'Expected success';
  if (typeof returns === 'number') return `Expected ${formatCountOf(returns, 'row')}`;
  return `Expected ${returns.map((row) => textOfRow(row)).join(', ') || 'no row'}`;
}

/** Returns a row with its columns in alphabetical order, each value as the server prints it. */
function textOfRow(row: Readonly<Record<string, string | number | boolean | null>>): string {
  const columns = Object.keys(row).toSorted();
  return `(${columns.map((name) => `${name} ${printed(row[name] ?? null)}`).join(', ')})`;
}

function printed(value: string | number | boolean | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return oneLine(String(value));
}

function wrong(probe: NamedProbe, what: string): Finding {
  const { name, place, severity, summary = name, help } = probe;
  return {
    code: name,
    severity,
    message: `${summary.replace(/[.:]?\s*$/, '')}: ${what}`,
    help: help ?? `Correct the schema by a migration, or the probe: ${place}`,
    where: { object: place },
    key: name,
  };
}

function notJudged({ name, place }: NamedProbe, why: string, error: DatabaseError): Finding {
  return {
    code: 'not-checked',
    severity: 'warning',
    message: `${name} was not checked: ${why}: ${serverSays(error).join(' ')}`,
    help: `Correct ${place}, or run it again: dbops verify --only ${name}`,
    where: { object: place },
    key: `not-checked:${name}`,
  };
}
