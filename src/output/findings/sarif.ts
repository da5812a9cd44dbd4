import { toJson } from '../json.ts';
import { formatCount, formatCountOf } from '../number.ts';
import type { JsonValue } from '../../report.ts';
import { checkOf, cut, omittedCount, type FindingsReport, type ShownFinding } from './model.ts';

/** GitHub shows as many results of a run, the worst ones. */
export const mostResults = 5_000;
/** Characters of the descriptions of a rule. */
const longestDescription = 1_024;
/** Characters of a message; the file must not exceed 10 MB compressed. */
const longestMessage = 2_000;

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;
const problemLevels = { error: 'error', warning: 'warning', info: 'recommendation' } as const;

/** Returns SARIF 2.1.0 with what GitHub code scanning requires. Findings that are known or allowed are left out. */
export function toSarif(report: FindingsReport): string {
  const listed = report.findings.slice(0, mostResults);
  const codes = [...new Set(listed.map(({ code }) => code))].toSorted();
  const indexes = new Map(codes.map((code, at) => [code, at]));
  const { version, command } = report;
  const run = {
    tool: {
      driver: {
        name: 'dbops',
        semanticVersion: version,
        rules: codes.map((code) => ruleOf(code, report)),
      },
    },
    automationDetails: { id: `dbops/${command.replaceAll(' ', '-')}/` },
    columnKind: 'utf16CodeUnits',
    invocations: [invocationOf(report, listed.length)],
    results: listed.map((finding) => resultOf(finding, indexes.get(finding.code) ?? 0)),
  };
  const document = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [run],
  };
  return `${toJson(document)}\n`;
}

function ruleOf(code: string, { checks, findings }: FindingsReport): JsonValue {
  const check = checkOf(code, checks);
  const example = findings.find((finding) => finding.code === code);
  const summary = check?.summary ?? `dbops reports ${code}.`;
  const harm = check?.harm ?? summary;
  const cure = check?.cure ?? 'Each finding says what to do.';
  const severity = example?.severity ?? 'warning';
  const group = example?.group ?? 'other';
  return {
    id: code,
    name: code,
    shortDescription: { text: cut(summary, longestDescription) },
    fullDescription: { text: cut(`${summary} ${harm}`, longestDescription) },
    help: { text: `${harm}\n\n${cure}`, markdown: `${harm}\n\n${cure}` },
    defaultConfiguration: { level: levels[severity] },
    properties: {
      tags: [group],
      precision: 'very-high',
      'problem.severity': problemLevels[severity],
      ...(group === 'security' && { 'security-severity': severity === 'error' ? '8.0' : '5.0' }),
    },
  };
}

function resultOf(finding: ShownFinding, ruleIndex: number): JsonValue {
  const { code, severity, message, help, file, line, fingerprint } = finding;
  return {
    ruleId: code,
    ruleIndex,
    level: levels[severity],
    message: { text: cut(`${message}\n${help}`, longestMessage) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          // One line: the checks of a pull request show a region only if all its lines are in the difference.
          region: { startLine: line, startColumn: 1, endLine: line, endColumn: 2 },
        },
      },
    ],
    // The only one that GitHub compares. Computed from the line, five findings of one statement would be one alert.
    partialFingerprints: { primaryLocationLineHash: `${fingerprint.slice(0, 16)}:1` },
  };
}

/** Returns a relative reference: each part of the path percent-encoded. */
function uriOf(file: string): string {
  return file.split('/').map(encodeURIComponent).join('/');
}

function invocationOf(report: FindingsReport, listed: number): JsonValue {
  const { error, exitCode, findings } = report;
  const notListed = findings.length - listed + omittedCount(report);
  const notes = [
    ...(error ? [note('error', `${error.message}\n${error.hint}`, error.code)] : []),
    ...(notListed > 0
      ? [
          note(
            'warning',
            `${formatCountOf(notListed, 'more finding')} are not in this file, which has the worst ${formatCount(listed)}.`,
            'omitted',
          ),
        ]
      : []),
  ];
  return {
    executionSuccessful: error === undefined,
    exitCode,
    ...(notes.length > 0 && { toolExecutionNotifications: notes }),
  };
}

function note(level: 'error' | 'warning', text: string, id: string): JsonValue {
  return { level, message: { text: cut(text, longestMessage) }, descriptor: { id } };
}
