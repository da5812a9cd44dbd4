import type { VerifyData } from '../documents.ts';
import { exitCodes } from '../errors.ts';
import { formatCount, formatCountOf } from '../output/number.ts';
import { done, text, type Finding, type Report } from '../report.ts';
import type { DataScope } from './data-checks.ts';
import type { CheckGroup } from './definition.ts';
import type { Omitted, SortedFindings } from './known-findings.ts';

const severities = ['error', 'warning', 'info'] as const;

/**
 * Returns the report on findings that were written to a baseline file.
 *
 * @param command that reads the file
 */
export function baselineWritten(
  file: string,
  findings: readonly Finding[],
  command = 'verify',
): Report<VerifyData> {
  const count = `${formatCount(findings.length)} finding${findings.length === 1 ? '' : 's'}`;
  return done(
    { findings: [...findings], counts: countsOf(findings) },
    text(`✓ ${count} written to ${file}; next run: dbops ${command} --baseline ${file}`, 'good'),
  );
}

function countsOf(findings: readonly Finding[]): VerifyData['counts'] {
  const countOfSeverity = (one: Finding['severity']) =>
    findings.filter(({ severity }) => severity === one).length;
  return {
    error: countOfSeverity('error'),
    warning: countOfSeverity('warning'),
    info: countOfSeverity('info'),
  };
}

/**
 * Returns the report on the findings, with exit code 4 unless all are information.
 *
 * @param scope what was checked, for the last line
 */
export function verifyReport(
  { findings, ignored, known, stale, omitted }: SortedFindings,
  scope: string,
): Report<VerifyData> {
  const counts = countsOf(findings);
  for (const { severity, count } of omitted) counts[severity] += count;
  const isClean = counts.error + counts.warning === 0;
  const aside = [
    ...(known > 0 ? [`${formatCount(known)} known`] : []),
    ...(ignored > 0 ? [`${formatCount(ignored)} ignored`] : []),
  ];
  const found = severities
    .filter((severity) => counts[severity])
    .map((severity) => countOf(counts[severity] ?? 0, severity));
  const summary = findings.length === 0 ? '✓ No problems found' : found.join(', ');
  return {
    exitCode: isClean ? exitCodes.done : exitCodes.findings,
    data: {
      findings,
      counts,
      known,
      ignored,
      stale,
      ...(omitted.length > 0 && {
        omitted: Object.fromEntries(omitted.map(({ code, count }) => [code, count])),
      }),
    },
    blocks: [
      ...(findings.length > 0 ? [{ kind: 'findings' as const, findings }] : []),
      ...omitted.map((each) => text(omittedLine(each), 'warn')),
      ...stale.map((key) => text(`no longer found, remove it from the baseline: ${key}`, 'warn')),
      text(`${summary} (${[scope, ...aside].join('; ')})`, isClean ? 'good' : 'bad'),
    ],
  };
}

function omittedLine({ code, count, repeated }: Omitted): string {
  const more = `${formatCountOf(count, 'more finding')} of ${code} ${count === 1 ? 'is' : 'are'} counted and not listed`;
  return repeated > 0
    ? `${more}; ${formatCount(repeated)} with the key of a listed one: add columns to its key, so that each row has its own`
    : more;
}

/** Findings of one check that are listed. */
export const mostListed = 1_000;

interface VerifiedScope {
  groups: ReadonlySet<CheckGroup>;
  /** Number of migrations; absent in a project without migrations. */
  applied?: number | undefined;
  /** Why the schema was not compared, in a project without migrations. */
  withoutSchema?: string | undefined;
  /** Where the group was checked. */
  data?: DataScope;
}

/** Returns the report of `verify`: what was looked at, and never that all is well where nothing was. */
export function verifiedReport(
  sorted: SortedFindings,
  { groups, applied, withoutSchema, data }: VerifiedScope,
): Report<VerifyData> {
  const looked = [...groups].filter((group) => group !== 'data' || data?.run);
  const migrations = applied === undefined ? [] : [formatCountOf(applied, 'applied migration')];
  const report = verifyReport(sorted, [looked.join(', '), ...migrations].join('; '));
  const waiting = (data?.waiting ?? []).map(({ name, since }) =>
    text(
      `data check ${name} was not run: ${applied === undefined ? `it applies since ${since}, and no migrations were found` : `${since} is not applied`}`,
      'warn',
    ),
  );
  return {
    ...report,
    data: {
      ...report.data,
      ...(withoutSchema !== undefined && { withoutSchema }),
      ...(data && { dataChecks: { declared: data.declared, run: data.run } }),
    },
    blocks: [
      ...(withoutSchema === undefined
        ? []
        : [text(`the schema was not compared: ${withoutSchema}`, 'warn')]),
      ...waiting,
      ...(data?.declared === 0 ? [text(undeclared, 'warn')] : []),
      ...(looked.length > 0 ? report.blocks : report.blocks.slice(0, -1)),
    ],
  };
}

const undeclared =
  'no data checks are declared: add checks to the configuration, or verify/NAME.sql beside it (docs/verify.md#data-checks)';

/** `1 error`, `2 warnings`; info has no plural. */
function countOf(count: number, severity: (typeof severities)[number]): string {
  return `${formatCount(count)} ${severity}${count === 1 || severity === 'info' ? '' : 's'}`;
}
