import { exitCodes } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { done, text, type Block, type Report } from '../report.ts';
import type { Dump } from './dump.ts';
import { unifiedDiff } from './unified-diff.ts';

/** Lines of a diff that are printed. */
const shown = 60;

/** Returns the report with the dump itself, for stdout. */
export function dumpReport(dump: Dump): Report {
  const { text: sql } = dump;
  return done({ ...factsOf(dump), sql }, { kind: 'code', text: sql.replace(/\n$/, '') });
}

/** Returns the report on a file that was written. */
export function writtenReport(file: string, dump: Dump, isChanged: boolean): Report {
  const verb = isChanged ? 'written to' : 'unchanged in';
  return done(
    { ...factsOf(dump), file, changed: isChanged },
    text(`✓ ${countOf(dump)} ${verb} ${file}${remark(dump)}`, 'good'),
  );
}

/**
 * Returns the report on a comparison with a file, with exit code 4 when it differs.
 *
 * @param found the text of the file; undefined when it does not exist
 * @param command that writes the file
 */
export function checkReport(
  { file, found, command }: { file: string; found: string | undefined; command: string },
  dump: Dump,
): Report {
  // git may check the file out with other line endings.
  const unify = (sql: string) => sql.replaceAll('\r\n', '\n');
  const isSame = found !== undefined && unify(found) === unify(dump.text);
  const data = { ...factsOf(dump), file, changed: !isSame };
  if (isSame) return done(data, text(`✓ ${file} matches the schema${remark(dump)}`, 'good'));
  const diff = found === undefined ? [] : unifiedDiff(unify(found), unify(dump.text), shown);
  const message =
    found === undefined ? `${file} does not exist.` : `${file} differs from the schema.`;
  return {
    exitCode: exitCodes.findings,
    data: { ...data, exists: found !== undefined, diff, help: command },
    blocks: [
      text(message, 'bad'),
      ...(diff.length > 0
        ? [
            {
              kind: 'code',
              text: [`--- ${file}`, '+++ the schema', ...diff].join('\n'),
            } satisfies Block,
          ]
        : []),
      text(`→ Write it and commit it: ${command}`),
    ],
  };
}

function factsOf({ statements, isProven }: Dump) {
  return { statements, proven: isProven };
}

function countOf({ statements }: Dump): string {
  return `${formatCount(statements)} statement${statements === 1 ? '' : 's'}`;
}

function remark({ isProven }: Dump): string {
  return isProven ? '' : ' (not proven)';
}
