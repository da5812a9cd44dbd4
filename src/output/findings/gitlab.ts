import { toJson } from '../json.ts';
import type { FindingsReport, ShownFinding } from './model.ts';

/**
 * Returns a report of GitLab code quality: `[]` when nothing was found. Findings that are known or allowed are
 * left out; a run that stopped is an entry of its own, because GitLab would take an empty list for a clean run.
 */
export function toGitlab({ findings, error, command }: FindingsReport): string {
  const stopped = error && {
    description: `dbops ${command} stopped: ${error.message} ${error.hint}`,
    check_name: error.code,
    fingerprint: `stopped:dbops ${command}:${error.code}`,
    severity: 'blocker',
    location: { path: '.', lines: { begin: 1 } },
  };
  return `${toJson([...(stopped ? [stopped] : []), ...findings.map(entryOf)])}\n`;
}

function entryOf(finding: ShownFinding) {
  const { code, message, help, file, line, fingerprint } = finding;
  return {
    description: `${message} ${help}`,
    check_name: code,
    fingerprint,
    severity: severityOf(finding),
    location: { path: file, lines: { begin: line } },
  };
}

function severityOf({ severity, group }: ShownFinding) {
  if (severity === 'info') return 'info';
  if (severity === 'warning') return 'minor';
  return group === 'data' ? 'critical' : 'major';
}
