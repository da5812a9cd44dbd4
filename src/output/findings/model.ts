import { createHash } from 'node:crypto';
import type { CheckDescription, Finding, Inspection, JsonValue, Severity } from '../../report.ts';
import { indentedLines, oneLine, redact, sqlText } from '../sanitise.ts';

/** A finding as every format shows it: without secrets and without what could drive a terminal. */
export interface ShownFinding {
  code: string;
  severity: Severity;
  message: string;
  help: string;
  fix?: string;
  object: string;
  /** From the root of the repository, with `/`. */
  file: string;
  /** From 1. */
  line: number;
  key: string;
  /** SHA-256 of the key, in hexadecimal digits. */
  fingerprint: string;
  group: string;
  /** Whether it fails the command. */
  fails: boolean;
}

/** What the writers of reports get. */
export interface FindingsReport {
  /** The words of the command, such as `verify`. */
  command: string;
  version: string;
  /** Worst first, then by file, line and key. */
  findings: readonly ShownFinding[];
  waived: readonly { finding: ShownFinding; reason: string }[];
  checks: readonly CheckDescription[];
  /** The number of findings that are not listed, by check. */
  omitted: Readonly<Record<string, number>>;
  /** Why the command stopped. */
  error?: { code: string; message: string; hint: string };
  exitCode: number;
  startedAt: Date;
  /** Milliseconds. */
  duration: number;
  /** As `--json` prints it. */
  document: JsonValue;
}

/** What a report is made from. */
export interface ReportSource {
  command: string;
  version: string;
  /** Absent where the command stopped before it had one. */
  inspection?: Inspection | undefined;
  error?: FindingsReport['error'] | undefined;
  exitCode: number;
  startedAt: Date;
  duration: number;
  document: JsonValue;
  secrets: readonly string[];
}

const severities: readonly Severity[] = ['error', 'warning', 'info'];

const nothing: Inspection = {
  findings: [],
  waived: [],
  checks: [],
  omitted: {},
  failOn: 'warning',
};

/** Returns what all formats show, in an order that depends on the findings alone. */
export function findingsReportOf(source: ReportSource): FindingsReport {
  const { inspection = nothing, error, secrets, ...rest } = source;
  const { findings, waived, checks, omitted, failOn } = inspection;
  const failing = severities.slice(0, severities.indexOf(failOn) + 1);
  const show = (finding: Finding) => shown(finding, { checks, secrets, failing });
  return {
    ...rest,
    findings: findings.map(show).toSorted(compare),
    waived: waived
      .map(({ finding, reason }) => ({
        finding: show(finding),
        reason: oneLine(redact(writable(reason), secrets)),
      }))
      .toSorted((a, b) => compare(a.finding, b.finding)),
    checks,
    omitted,
    ...(error && {
      error: {
        code: error.code,
        message: indentedLines(redact(error.message.replaceAll('\n', '\n    '), secrets)),
        hint: oneLine(redact(error.hint, secrets)),
      },
    }),
  };
}

interface Showing {
  checks: readonly CheckDescription[];
  secrets: readonly string[];
  failing: readonly Severity[];
}

function shown(finding: Finding, { checks, secrets, failing }: Showing): ShownFinding {
  const { code, severity, message, help, where, key, fix } = finding;
  const line = (text: string) => oneLine(redact(writable(text), secrets));
  return {
    code,
    severity,
    message: indentedLines(redact(writable(message), secrets)),
    help: indentedLines(redact(writable(help), secrets)),
    ...(fix !== undefined && { fix: sqlText(redact(writable(fix), secrets)) }),
    object: line(where.object),
    file: line(where.file ?? '') || '.',
    line: where.line ?? 1,
    key: uniqueText(key, line(key)),
    fingerprint: hashOf(key),
    group: checkOf(code, checks)?.group ?? 'other',
    fails: failing.includes(severity),
  };
}

/** Returns the text without what is no character in UTF-8 and XML 1.0 (2.2): half surrogates, U+FFFE and U+FFFF. */
function writable(text: string): string {
  return text.toWellFormed().replaceAll(/[\uFFFE\uFFFF]/g, '');
}

function hashOf(key: string): string {
  const text = key.isWellFormed() ? key : JSON.stringify(key); // UTF-8 has one form for all half surrogates
  return createHash('sha256').update(text).digest('hex');
}

/** Characters of a key that a format shows. */
const longestKey = 500;

/** Returns the text of a key, with a part of its hash where different keys may have the same text. */
function uniqueText(key: string, text: string): string {
  if (text === key && text !== '' && text.length <= longestKey) return text;
  return `${cut(text, longestKey)} [${hashOf(key).slice(0, 12)}]`;
}

/** Returns the check that makes findings with a code. */
export function checkOf(
  code: string,
  checks: readonly CheckDescription[],
): CheckDescription | undefined {
  return checks.find(
    ({ name, prefixes = [] }) => name === code || prefixes.some((each) => code.startsWith(each)),
  );
}

function compare(a: ShownFinding, b: ShownFinding): number {
  return (
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    order(a.file, b.file) ||
    a.line - b.line ||
    order(a.key, b.key) ||
    order(a.fingerprint, b.fingerprint)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Returns the text, cut to a number of UTF-16 units at the end of a character, with `…` where it was longer. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = length - 1;
  const isSplit = (text.codePointAt(end - 1) ?? 0) > 0xffff;
  return `${text.slice(0, isSplit ? end - 1 : end)}…`;
}

/** Returns the number of findings that are not listed. */
export function omittedCount({ omitted }: Pick<FindingsReport, 'omitted'>): number {
  return Object.values(omitted).reduce((sum, count) => sum + count, 0);
}
