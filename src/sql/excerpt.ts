import { lineOf } from './statements.ts';

/** The line of `text` at `offset` with a caret below, long lines cut around it. */
export function excerpt(text: string, offset: number): string[] {
  const line = lineOf(text, offset);
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const content = (text.slice(start).split('\n')[0] ?? '').replaceAll('\t', ' ').trimEnd();
  const column = offset - start;
  const from = Math.max(0, column - 60);
  const shown = content.slice(from, from + 100);
  const gutter = `${line} | `;
  return [`${gutter}${shown}`, `${' '.repeat(gutter.length + column - from)}^`];
}
