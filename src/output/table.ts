import CliTable from 'cli-table3';
import stringWidth from 'string-width';
import type { Column, Row, Table } from '../report.ts';
import { tint, type Paint } from './paint.ts';
import { oneLine, stripControls } from './sanitise.ts';
import { plain } from './value.ts';

/**
 * A table without borders.
 *
 * @param width columns of the terminal; absent in a pipe, where it takes the room it needs
 */
export function renderTable(table: Table, paint: Paint, width: number | undefined): string {
  const heading = table.title ? `${paint.bold(stripControls(table.title))}\n` : '';
  const notes = (table.notes ?? []).map((note) => `\n${paint.dim(stripControls(note))}`).join('');
  if (table.rows.length === 0) return `${heading}(no rows)${notes}`;
  const body = table.rows.map((row) => table.columns.map((column) => displayed(column, row)));
  const head = table.columns.map(({ label }) => label);
  const widths = fit([head, ...body], width);
  // cli-table3 wraps by string length, which cuts colours and wide letters apart.
  const wrapped = (text: string, at: number, color: (line: string) => string) =>
    wrap(text, (widths[at] ?? 0) - gap)
      .map((line) => color(line))
      .join('\n');
  const grid = new CliTable({
    chars: borderless,
    colAligns: table.columns.map(({ align }) => align ?? 'left'),
    colWidths: widths,
    // cli-table3 colours heads and borders by itself, in pipes and with NO_COLOR too.
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
  });
  grid.push(head.map((label, at) => wrapped(label, at, paint.dim)));
  for (const [index, cells] of body.entries()) {
    const row = table.rows[index] ?? {};
    const tones = table.columns.map((column) => column.tone?.(row[column.key], row));
    grid.push(cells.map((text, at) => wrapped(text, at, (line) => tint(paint, tones[at], line))));
  }
  const lines = grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return `${heading}${lines.join('\n')}${notes}`;
}

function displayed(column: Column, row: Row): string {
  const value = row[column.key];
  const text = column.format ? column.format(value, row) : plain(value);
  return oneLine(text);
}

const gap = 2;
const narrowest = 8;

/** Column widths with their gap; on a terminal that is too narrow the widest columns give way. */
function fit(rows: string[][], available: number | undefined): number[] {
  const widths = (rows[0] ?? []).map(
    (_, at) => Math.max(...rows.map((row) => stringWidth(row[at] ?? ''))) + gap,
  );
  if (available === undefined) return widths;
  const total = () => widths.reduce((sum, width) => sum + width, 0);
  while (total() > available) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= narrowest) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

const graphemes = new Intl.Segmenter();

/** Lines of at most `width` columns, broken between words, and within those that are longer. */
function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    if (stringWidth(paragraph) <= width) return [paragraph];
    const lines = [''];
    for (const piece of paragraph.split(/(?<=\s)/).flatMap((word) => pieces(word, width))) {
      const line = lines.at(-1) ?? '';
      if (line && stringWidth(line + piece.trimEnd()) > width) lines.push(piece);
      else lines[lines.length - 1] = line + piece;
    }
    return lines.map((line) => line.trimEnd());
  });
}

function pieces(word: string, width: number): string[] {
  if (stringWidth(word) <= width) return [word];
  return [...graphemes.segment(word)].map(({ segment }) => segment);
}

const borderless = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((edge) => [edge, '']),
);
