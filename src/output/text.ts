import type { DbopsError } from '../errors.ts';
import type { Block, Finding, Table, Tone } from '../report.ts';
import { paintFor, tint, type Paint, type Screen } from './paint.ts';
import { indentedLines, oneLine, sqlText, stripControls } from './sanitise.ts';
import { wrapText } from './wrap.ts';

/** Returns blocks as a person reads them, each followed by a newline. */
export async function toText(blocks: readonly Block[], screen: Screen): Promise<string> {
  const paint = paintFor(screen);
  const rendered = await Promise.all(blocks.map((block) => renderBlock(block, screen, paint)));
  return rendered.map((lines) => `${lines}\n`).join('');
}

async function renderBlock(block: Block, screen: Screen, paint: Paint): Promise<string> {
  switch (block.kind) {
    case 'text':
      return tint(paint, block.tone, fitted(stripControls(block.text), screen));
    case 'code':
      return sqlText(block.text);
    case 'findings':
      return fitted(block.findings.map((one) => renderFinding(one, paint)).join('\n'), screen);
    case 'table':
      return tableToText(block, screen, paint);
  }
}

/** Characters that take one column each: those of Europe without the soft hyphen, signs, arrows and blocks. */
const narrow =
  /^[\u0020-\u007e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2190-\u21ff\u2580-\u259f\u2713\u2717]*$/;

/** Loads the Unicode tables only for a text that needs them: that takes longer than most commands run. */
async function tableToText(table: Table, screen: Screen, paint: Paint): Promise<string> {
  const { renderTable } = await import('./table.ts');
  let isExact = true;
  const measure = (text: string) => {
    isExact &&= narrow.test(text);
    return text.length;
  };
  const rendered = renderTable(table, paint, { ...screen, measure });
  if (isExact) return rendered;
  const { default: stringWidth } = await import('string-width');
  return renderTable(table, paint, { ...screen, measure: stringWidth });
}

/** Returns the text with its lines broken between words where the terminal is too narrow. */
function fitted(text: string, { width }: Pick<Screen, 'width'>): string {
  return width === undefined ? text : wrapText(text, width);
}

/** Returns one line or paragraph as a person reads it, with its newline. */
export function lineToText(text: string, screen: Screen, tone?: Tone): string {
  return `${tint(paintFor(screen), tone, fitted(stripControls(text), screen))}\n`;
}

const severityTone = { error: 'bad', warning: 'warn', info: 'dim' } as const;

function renderFinding(finding: Finding, paint: Paint): string {
  const head = tint(paint, severityTone[finding.severity], `${finding.severity} ${finding.code}`);
  const { migration, file, line } = finding.where;
  const place = file === undefined || line === undefined ? migration : `${file}:${line}`;
  const from = migration && place ? paint.dim(`  in ${oneLine(place)}`) : '';
  return `${head}  ${indentedLines(finding.message)}${from}\n  → ${indentedLines(finding.help)}`;
}

/** Returns an error as a person reads it: what happened, why, what to do. */
export function errorToText(error: DbopsError, screen: Screen, verbose: boolean): string {
  const paint = paintFor(screen);
  const lines = [
    `${paint.red('error')} ${stripControls(error.message)} ${paint.dim(error.code)}`,
    ...error.reason.map((line) => `  ${stripControls(line)}`),
    `  → ${stripControls(error.hint)}`,
  ];
  const stack = verbose ? `${paint.dim(stripControls(stackOf(error)))}\n` : '';
  return `${fitted(lines.join('\n'), screen)}\n${stack}`;
}

function stackOf({ stack = '', cause }: DbopsError): string {
  return cause instanceof Error && cause.stack ? `${stack}\ncaused by ${cause.stack}` : stack;
}
