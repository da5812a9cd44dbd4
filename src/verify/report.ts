import type { VerifyData } from '../documents.ts';
import { exitCodes } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { done, text, type Finding, type Report } from '../report.ts';
import type { SortedFindings } from './known-findings.ts';

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
  { findings, ignored, known, stale }: SortedFindings,
  scope: string,
): Report<VerifyData> {
  const counts = countsOf(findings);
  const isClean = findings.every(({ severity }) => severity === 'info');
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
    data: { findings, counts, known, ignored, stale },
    blocks: [
      ...(findings.length > 0 ? [{ kind: 'findings' as const, findings }] : []),
      ...stale.map((key) => text(`no longer found, remove it from the baseline: ${key}`, 'warn')),
      text(`${summary} (${[scope, ...aside].join('; ')})`, isClean ? 'good' : 'bad'),
    ],
  };
}

/** `1 error`, `2 warnings`; info has no plural. */
function countOf(count: number, severity: (typeof severities)[number]): string {
  return `${formatCount(count)} ${severity}${count === 1 || severity === 'info' ? '' : 's'}`;
}
