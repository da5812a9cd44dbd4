import CliTable from 'cli-table3';
import stringWidth from 'string-width';
import type { Column, Row, Table, Tone } from '../report.ts';
import { tint, type Paint } from './paint.ts';
import { stripControls } from './sanitise.ts';
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
  const grid = new CliTable({
    chars: borderless,
    colAligns: table.columns.map(({ align }) => align ?? 'left'),
    colWidths: fit([head, ...body], width),
    wordWrap: true,
    wrapOnWordBoundary: false,
    // cli-table3 colours heads and borders by itself, in pipes and with NO_COLOR too.
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
  });
  grid.push(head.map((label) => paint.dim(label)));
  for (const [index, cells] of body.entries()) {
    const row = table.rows[index] ?? {};
    grid.push(cells.map((text, at) => tint(paint, toneOf(table.columns[at], row), text)));
  }
  const lines = grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return `${heading}${lines.join('\n')}${notes}`;
}

function toneOf(column: Column | undefined, row: Row): Tone | undefined {
  return column?.tone?.(row[column.key], row);
}

function displayed(column: Column, row: Row): string {
  const value = row[column.key];
  const text = column.format ? column.format(value, row) : plain(value);
  return stripControls(text.replaceAll('\t', ' '));
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
