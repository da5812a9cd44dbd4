import type { Cell, Column, Row, Table } from '../report.ts';
import { oneLine } from './sanitise.ts';

/** Returns a table as Markdown (GitHub Flavored Markdown Spec, 4.10). Its cells are text, never markup. */
export function toMarkdown({ title, columns, rows, notes = [] }: Table): string {
  const remarks = notes.map((note) => `${markdownText(note)}\n`);
  return [
    ...(title ? [`**${markdownText(title)}**\n`, '\n'] : []),
    markdownHead(columns),
    ...rows.map((row) => markdownRow(columns, row)),
    ...(remarks.length > 0 ? ['\n', remarks.join('\n')] : []),
  ].join('');
}

/** Returns the two lines above the rows. */
export function markdownHead(columns: readonly Column[]): string {
  const rule = columns.map(({ align }) => (align === 'right' ? '---:' : '---'));
  return `${line(columns.map(({ label }) => markdownText(label)))}${line(rule)}`;
}

/** Returns the line of a row. */
export function markdownRow(columns: readonly Column[], row: Row): string {
  return line(
    columns.map(({ key, format }) => {
      const value = row[key];
      return markdownText(format ? format(value, row) : plain(value));
    }),
  );
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}

function plain(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Escapes what would be markup, or end the cell. */
function markdownText(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\`*_[\]|~]/g, String.raw`\$&`)
    .replaceAll(/[&<>]/g, (character) => entities[character] ?? character);
}
