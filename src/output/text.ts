import type { DbopsError } from '../errors.ts';
import type { Block, Finding } from '../report.ts';
import { paintFor, tint, type Paint, type Screen } from './paint.ts';
import { indentedLines, oneLine, stripControls } from './sanitise.ts';

/** Blocks as a person reads them, each followed by a newline. */
export async function toText(blocks: readonly Block[], screen: Screen): Promise<string> {
  const paint = paintFor(screen);
  const rendered = await Promise.all(blocks.map((block) => renderBlock(block, screen, paint)));
  return rendered.map((lines) => `${lines}\n`).join('');
}

async function renderBlock(block: Block, screen: Screen, paint: Paint): Promise<string> {
  switch (block.kind) {
    case 'text':
      return tint(paint, block.tone, stripControls(block.text));
    case 'code':
      return stripControls(block.text);
    case 'findings':
      return block.findings.map((finding) => renderFinding(finding, paint)).join('\n');
    case 'table': {
      // Measuring text loads the Unicode tables, which costs more than most commands.
      const { renderTable } = await import('./table.ts');
      return renderTable(block, paint, screen.width);
    }
  }
}

const severityTone = { error: 'bad', warning: 'warn', info: 'dim' } as const;

function renderFinding(finding: Finding, paint: Paint): string {
  const head = tint(paint, severityTone[finding.severity], `${finding.severity} ${finding.code}`);
  const from = finding.where.migration
    ? paint.dim(`  made by ${oneLine(finding.where.migration)}`)
    : '';
  return `${head}  ${indentedLines(finding.message)}${from}\n  → ${indentedLines(finding.help)}`;
}

/** An error as a person reads it: what happened, why, what to do. */
export function errorToText(error: DbopsError, screen: Screen, verbose: boolean): string {
  const paint = paintFor(screen);
  const reason = error.reason.map((line) => `  ${stripControls(line)}\n`).join('');
  const stack = verbose ? `${paint.dim(stripControls(stackOf(error)))}\n` : '';
  return `${paint.red('error')} ${stripControls(error.message)} ${paint.dim(error.code)}\n${reason}  → ${stripControls(error.hint)}\n${stack}`;
}

function stackOf({ stack = '', cause }: DbopsError): string {
  return cause instanceof Error && cause.stack ? `${stack}\ncaused by ${cause.stack}` : stack;
}
