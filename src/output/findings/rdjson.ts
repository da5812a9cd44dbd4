import type { JsonValue } from '../../report.ts';
import { toJson } from '../json.ts';
import type { FindingsReport, ShownFinding } from './model.ts';

const severities = { error: 'ERROR', warning: 'WARNING', info: 'INFO' } as const;

/**
 * Returns the JSON format of reviewdog. Columns are UTF-8 bytes from 1, and each range is the first byte of
 * its line. A run that stopped is a diagnostic without a line.
 */
export function toRdjson({ findings, error, command }: FindingsReport): string {
  const stopped = error && {
    message: `dbops ${command} stopped: ${error.message}\n${error.hint}`,
    location: { path: '.' },
    severity: severities.error,
    code: { value: error.code },
  };
  const worst = findings[0]?.severity ?? 'info';
  const document = {
    source: { name: 'dbops' },
    severity: stopped ? severities.error : severities[worst],
    diagnostics: [...(stopped ? [stopped] : []), ...findings.map(diagnosticOf)],
  };
  return `${toJson(document)}\n`;
}

function diagnosticOf({ code, severity, message, help, file, line, key }: ShownFinding): JsonValue {
  const start = { line, column: 1 };
  return {
    message: `${message}\n${help}`,
    location: { path: file, range: { start, end: { line, column: 2 } } },
    severity: severities[severity],
    code: { value: code },
    // reviewdog keeps it, and shows it where a diagnostic is not understood.
    original_output: key,
  };
}
