import { formatCount } from '../number.ts';
import type { FindingsReport, ShownFinding } from './model.ts';

/** Annotations of each level that GitHub shows of one step; it drops the others without a word. */
const mostOfLevel = 10;

const levels = { error: 'error', warning: 'warning', info: 'notice' } as const;

/** Returns the workflow commands that annotate the files of a pull request, one a line. */
export function annotationsOf(report: FindingsReport): string {
  const { findings, error, command } = report;
  const groups = Map.groupBy(findings, ({ severity }) => severity);
  const stopped = error
    ? [
        commandLine('error', {
          properties: { title: `dbops ${command}: ${error.code}` },
          message: `${error.message}\n${error.hint}`,
        }),
      ]
    : [];
  const lines = [...groups].flatMap(([severity, all]) =>
    ofLevel(all, severity === 'error' ? mostOfLevel - stopped.length : mostOfLevel),
  );
  return [...stopped, ...lines].map((line) => `${line}\n`).join('');
}

function ofLevel(findings: readonly ShownFinding[], most: number): string[] {
  const more = findings.length - most;
  return findings.slice(0, most).map(({ severity, code, message, help, file, line }, at) => {
    const rest =
      more > 0 && at === most - 1 ? `\nand ${formatCount(more)} more: see the summary` : '';
    return commandLine(levels[severity], {
      properties: { title: code, file, line: String(line) },
      message: `${message}\n${help}${rest}`,
    });
  });
}

interface Annotation {
  properties: Readonly<Record<string, string>>;
  message: string;
}

/** As the toolkit writes commands (actions/toolkit, `packages/core/src/command.ts`). */
function commandLine(level: string, { properties, message }: Annotation): string {
  const written = Object.entries(properties).map(([key, value]) => `${key}=${property(value)}`);
  return `::${level} ${written.join(',')}::${data(message)}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
