import type { VerifyData } from '../documents.ts';
import { exitCodes } from '../errors.ts';
import { formatCount, formatCountOf } from '../output/number.ts';
import {
  done,
  text,
  type Block,
  type CheckDescription,
  type Finding,
  type Report,
} from '../report.ts';
import type { DataScope } from './data-checks.ts';
import { catalogueGroups, type CheckGroup } from './definition.ts';
import type { Judged } from './judge-findings.ts';
import type { Omitted } from './known-findings.ts';

const severities = ['error', 'warning', 'info'] as const;

/** The report on findings that were written to a baseline file. @param command that reads the file */
function baselineWritten(
  { findings, written }: Judged,
  { name, isDefault }: NonNullable<Judged['written']>,
  command: string,
): Report<VerifyData> {
  const count = formatCountOf(written?.entries ?? 0, 'finding');
  const next = isDefault
    ? `dbops ${command} does not report them again`
    : `next run: dbops ${command} --baseline ${name}`;
  return done(
    { findings, counts: countsOf(findings) },
    text(`✓ ${count} written to ${name}; ${next}`, 'good'),
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

/** How findings become a report. */
interface Verdict {
  /** What was checked, for the last line. */
  scope: string;
  /** The least severity that fails. Default: `warning`. */
  failOn?: Finding['severity'];
  /** Whether findings of severity `info` are listed, and not only counted. Default: true. */
  listsInfo?: boolean;
  /** The number of findings up to which the command does not fail. Default: 0. */
  maxFindings?: number | undefined;
  /** The checks that ran. */
  checks: readonly CheckDescription[];
  /** The command, for what a person runs next. Default: verify. */
  command?: string;
}

/** Returns the report on the findings, with exit code 4 if one of them fails. */
export function verifyReport(judged: Judged, verdict: Verdict): Report<VerifyData> {
  const { findings, ignored, known, allowed, waived, stale, omitted, written } = judged;
  const { scope, failOn = 'warning', listsInfo = true, maxFindings = 0, checks } = verdict;
  const { command = 'verify' } = verdict;
  if (written) return baselineWritten(judged, written, command);
  const counts = countsOf(findings);
  for (const { severity, count } of omitted) counts[severity] += count;
  const failing = severities.slice(0, severities.indexOf(failOn) + 1);
  const count = failing.reduce((sum, severity) => sum + counts[severity], 0);
  const isClean = count <= maxFindings;
  const listed = listsInfo ? findings : findings.filter(({ severity }) => severity !== 'info');
  const aside = [
    ...(known > 0 ? [`${formatCount(known)} known`] : []),
    ...(allowed > 0 ? [`${formatCount(allowed)} allowed`] : []),
    ...(ignored > 0 ? [`${formatCount(ignored)} ignored`] : []),
    ...(verdict.maxFindings === undefined
      ? []
      : [`${formatCount(count)} of at most ${formatCount(maxFindings)} findings`]),
  ];
  const found = severities
    .filter((severity) => counts[severity])
    .map((severity) => countOf(counts[severity] ?? 0, severity));
  const summary = [...(listed.length === 0 ? ['✓ No problems found'] : []), ...found].join(', ');
  const hidden = findings.length - listed.length;
  const notListed = Object.fromEntries(omitted.map((each) => [each.code, each.count]));
  return {
    exitCode: isClean ? exitCodes.done : exitCodes.findings,
    data: {
      findings,
      counts,
      known,
      ...(allowed > 0 && { allowed }),
      ignored,
      stale,
      ...(omitted.length > 0 && { omitted: notListed }),
    },
    inspection: { findings, waived, checks, omitted: notListed, failOn },
    blocks: [
      ...(listed.length > 0 ? [{ kind: 'findings' as const, findings: listed }] : []),
      ...omitted.map((each) => text(omittedLine(each), 'warn')),
      ...staleLines(judged),
      text(`${summary} (${[scope, ...aside].join('; ')})`, isClean ? 'good' : 'bad'),
      ...(hidden > 0 ? [text(`List what is info: dbops ${command} --verbose`, 'dim')] : []),
    ],
  };
}

function staleLines({ stale, pruned }: Judged) {
  const removed =
    pruned &&
    text(
      `${formatCountOf(pruned.entries, 'entry', 'entries')} removed from ${pruned.name}: no longer found`,
    );
  return [
    ...stale.map((key) =>
      text(`no longer found, remove it from the baseline (--prune-baseline): ${key}`, 'warn'),
    ),
    ...(removed ? [removed] : []),
  ];
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
  /** Number of migrations that were replayed, where no database was checked. */
  replayed?: number;
  /** Why the schema was not compared, in a project without migrations. */
  withoutSchema?: string | undefined;
  failOn: Finding['severity'];
  listsInfo: boolean;
  maxFindings?: number | undefined;
  checks: readonly CheckDescription[];
  /** Where the group was checked. */
  data?: DataScope;
  smoke?: DataScope;
}

/** Returns the report of `verify`: what was looked at, and never that all is well where nothing was. */
export function verifiedReport(
  judged: Judged,
  { groups, applied, replayed, withoutSchema, data, smoke, ...verdict }: VerifiedScope,
): Report<VerifyData> {
  const declared = { data, smoke };
  const looked = [...groups].filter(
    (group) => (group !== 'data' && group !== 'smoke') || declared[group]?.run,
  );
  const migrations = [
    ...(applied === undefined ? [] : [formatCountOf(applied, 'applied migration')]),
    ...(replayed === undefined ? [] : [formatCountOf(replayed, 'replayed migration')]),
  ];
  const scope = [wordsFor(looked).join(', '), ...migrations].join('; ');
  const report = verifyReport(judged, { scope, ...verdict });
  if (judged.written) return report;
  const hasFolder = applied !== undefined;
  const waiting = [...notRun('data check', data, hasFolder), ...notRun('probe', smoke, hasFolder)];
  return {
    ...report,
    data: {
      ...report.data,
      ...(withoutSchema !== undefined && { withoutSchema }),
      ...(data && { dataChecks: { declared: data.declared, run: data.run } }),
      ...(smoke && { probes: { declared: smoke.declared, run: smoke.run } }),
    },
    blocks: [
      ...(withoutSchema === undefined
        ? []
        : [text(`the schema was not compared: ${withoutSchema}`, 'warn')]),
      ...waiting,
      ...(data?.declared === 0 ? [text(undeclared, 'warn')] : []),
      ...(smoke?.declared === 0 ? [text(withoutProbes, 'warn')] : []),
      ...(looked.length > 0 ? report.blocks : report.blocks.slice(0, -1)),
    ],
  };
}

const undeclared =
  'no data checks are declared: add checks to the configuration, or verify/NAME.sql beside it (docs/verify.md#data-checks)';

/** Returns the words of groups; that of the whole catalogue where all of its groups are among them. */
function wordsFor(groups: readonly CheckGroup[]): string[] {
  const isWhole = catalogueGroups.every((group) => groups.includes(group));
  const words = groups.map((group) => (isWhole && isOfCatalogue(group) ? 'health' : group));
  return [...new Set(words)];
}

function isOfCatalogue(group: CheckGroup): boolean {
  return catalogueGroups.some((each) => each === group);
}

const withoutProbes =
  'no probes are declared: add probes to the configuration (docs/verify.md#behaviour)';

function notRun(what: string, scope: DataScope | undefined, hasFolder: boolean): Block[] {
  return (scope?.waiting ?? []).map(({ name, since }) => {
    const why = hasFolder
      ? `${since} is not applied`
      : `it applies since ${since}, and no migrations were found`;
    return text(`${what} ${name} was not run: ${why}`, 'warn');
  });
}

/** `1 error`, `2 warnings`; info has no plural. */
function countOf(count: number, severity: (typeof severities)[number]): string {
  return `${formatCount(count)} ${severity}${count === 1 || severity === 'info' ? '' : 's'}`;
}
