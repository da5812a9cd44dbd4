import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { hidesRows } from '../db/row-security.ts';
import type { Session } from '../db/session.ts';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { placeOf, plainQuery } from '../declared/query.ts';
import { cursorHead, QueryTimeout, textRows, type TextRow } from '../declared/rows.ts';
import { DbopsError } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import { oneLine } from '../output/sanitise.ts';
import type { Finding } from '../report.ts';
import { serverSays, shortened } from '../sql/error-position.ts';
import type { NamedCheck } from './data-checks.ts';

/** Milliseconds. */
const defaultTimeout = 30_000;

/**
 * Runs one check behind a savepoint of the READ ONLY transaction of the caller. That it is cut off by its
 * timeout, or fails, is a finding as well.
 *
 * @param report is called with each finding
 * @throws what concerns every check: a lost connection, a missing privilege, rows that a policy hides
 */
export async function runDataCheck(
  session: Session,
  check: NamedCheck,
  report: (finding: Finding) => void,
): Promise<void> {
  const timeout = check.timeout ?? defaultTimeout;
  try {
    const query = await plainQuery(check);
    try {
      for await (const { fields, rows } of textRows(session, { sql: query.sql, timeout })) {
        const findingOf = reader(
          check,
          fields.map(({ name }) => name),
        );
        for (const row of rows) report(findingOf(row));
      }
    } catch (error) {
      if (error instanceof QueryTimeout || !isOfCheck(error)) throw error;
      const sent = `${cursorHead}${query.sql}`;
      const reason = [...placeOf(error, query, sent, cursorHead.length), ...serverSays(error)];
      report(failure(check, 'error', 'does not run', reason));
    }
  } catch (error) {
    if (error instanceof QueryTimeout)
      report(failure(check, 'timeout', `was cancelled after ${formatDuration(timeout)}`, []));
    else if (error instanceof DbopsError && error.code === 'QUERY')
      report(failure(check, 'error', 'does not run', [error.message, ...error.reason]));
    else throw error;
  }
}

/** Returns whether the SQL of a check caused an error, and not the session or the role. */
function isOfCheck(error: unknown): boolean {
  const code = codeOf(error);
  return (
    isSqlState(code) &&
    !isConnectionLoss(error) &&
    !hidesRows(error) &&
    code !== sqlstate.insufficientPrivilege
  );
}

/** Columns of the result that become parts of the finding. */
const parts = ['message', 'help', 'object'] as const;

/** Returns what makes a finding of a row. @throws DbopsError `QUERY` when the result lacks a key column */
function reader(check: NamedCheck, columns: readonly string[]): (row: TextRow) => Finding {
  const values = columns.flatMap((name, at) => (isPart(name) ? [] : [{ name, at }]));
  const key = (check.key ?? values.slice(0, 1).map(({ name }) => name)).map((name) => {
    const at = columns.indexOf(name);
    if (at < 0) throw withoutKey(check, name, columns);
    return at;
  });
  const title = check.summary?.replace(/[.:]?\s*$/, '') ?? check.name;
  return (row) => {
    const own = (part: (typeof parts)[number]) => {
      const value = row[columns.indexOf(part)] ?? undefined;
      return value === undefined ? undefined : oneLine(value);
    };
    const shown = values.map(({ name, at }) => oneLine(`${name} ${shortened(row[at] ?? 'NULL')}`));
    return {
      code: check.name,
      severity: check.severity,
      message:
        own('message') ?? [title, ...(shown.length > 0 ? [shown.join(', ')] : [])].join(': '),
      help: own('help') ?? check.help ?? `Correct the row, or the check in ${check.place}.`,
      where: { object: own('object') ?? check.place },
      key: `${check.name}:${key.map((at) => keyPart(row[at] ?? null)).join('/')}`,
    };
  };
}

function isPart(name: string): boolean {
  return parts.some((part) => part === name);
}

function withoutKey({ place, name }: NamedCheck, column: string, columns: readonly string[]) {
  return new DbopsError({
    code: 'QUERY',
    exitCode: 2,
    message: `The result of ${name} has no column ${column}, which ${place} names as a key.`,
    hint: `Its columns are: ${columns.join(', ')}`,
  });
}

/** Returns a value as a part of a key: two rows have the same key only where all values are the same. */
function keyPart(value: string | null): string {
  return value === null ? '%NULL' : value.replaceAll('%', '%25').replaceAll('/', '%2F');
}

function failure(
  { name, place, severity }: NamedCheck,
  kind: 'error' | 'timeout',
  what: string,
  reason: readonly string[],
): Finding {
  const help = {
    error: `Correct ${place}; if a migration creates what it names, apply it: dbops migrate status`,
    timeout: `Rows that it had not reached are not checked. Create an index for it, or raise its timeout in ${place}.`,
  }[kind];
  const lines = reason.flatMap((line) => line.split('\n')).map((line) => `\n    ${line}`);
  return {
    code: name,
    severity: severity === 'info' ? 'warning' : severity,
    message: `The check ${what}${lines.length > 0 ? ':' : '.'}${lines.join('')}`,
    help,
    where: { object: place },
    key: `${name}:${kind}`,
  };
}
