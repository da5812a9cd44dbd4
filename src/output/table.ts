import type { Cell, Column, Row, Table } from '../report.ts';
import { formatCount } from './number.ts';
import { tint, type Paint, type Screen } from './paint.ts';
import { oneLine, stripControls } from './sanitise.ts';
import { wrapWords, type TextMeasure } from './wrap.ts';

interface TableScreen extends Pick<Screen, 'width' | 'explain'> {
  /** Returns the columns that a text takes. */
  measure: TextMeasure;
}

interface PaintedCell {
  text: string;
  paint: (line: string) => string;
}

/** Columns between two columns. */
const gap = 2;

/** Columns below which a column of prose is not narrowed: one word a line cannot be read. */
const narrowest = 16;

/**
 * Returns a table without borders. On a terminal that is too narrow, columns of prose are wrapped
 * between words; where even that does not fit, every row becomes a block of `label  value` lines.
 *
 * @param width columns of the terminal; absent in a pipe, where the table takes the room it needs
 */
export function renderTable(table: Table, paint: Paint, screen: TableScreen): string {
  const notes = screen.explain === true ? (table.notes ?? []) : [];
  const lines = [
    ...(table.title ? [paint.bold(stripControls(table.title))] : []),
    ...(table.rows.length === 0 ? ['(no rows)'] : renderRows(table, paint, screen)),
    ...notes.flatMap((note) => wrapped(paint.dim, stripControls(note), screen)),
  ];
  return lines.join('\n');
}

function wrapped(style: PaintedCell['paint'], text: string, screen: TableScreen): string[] {
  const { width, measure } = screen;
  return (width === undefined ? [text] : wrapWords(text, width, measure)).map(style);
}

function renderRows(
  { columns, rows }: Table,
  paint: Paint,
  { width, measure }: TableScreen,
): string[] {
  const head = columns.map(({ label }) => ({ text: label, paint: paint.dim }));
  const bodyOf = (shown: Column[]) =>
    rows.map((row) => shown.map((column) => cellOf(column, row, paint)));
  const wide = width === undefined ? undefined : wideColumns(columns);
  const grid = (body: PaintedCell[][], widths: number[]) =>
    [head, ...body].flatMap((cells) => gridLines(cells, columns, { widths, measure }));
  const wideBody = wide && bodyOf(wide);
  const natural = wideBody && fit([head, ...wideBody], { width: undefined, measure });
  if (wideBody && natural && sum(natural) + gap * (natural.length - 1) <= (width ?? 0))
    return grid(wideBody, natural);
  const body = bodyOf(columns);
  const widths = fit([head, ...body], { width, measure });
  return widths ? grid(body, widths) : blocksOf(head, body, { width: width ?? 0, measure });
}

/** Returns the columns as a wide terminal shows them; nothing where that is the same. */
function wideColumns(columns: Column[]): Column[] | undefined {
  if (!columns.some(({ wide }) => wide)) return undefined;
  return columns.map((column) => (column.wide ? { ...column, format: column.wide } : column));
}

function cellOf(column: Column, row: Row, paint: Paint): PaintedCell {
  const value = row[column.key];
  const tone = column.tone?.(value, row);
  return {
    text: oneLine(column.format ? column.format(value, row) : plain(value)),
    paint: (line) => tint(paint, tone, line),
  };
}

/** Returns the text of a value whose column has no format of its own. */
function plain(value: Cell): string {
  if (value === null || value === undefined) return '–';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint' || typeof value === 'number') return formatCount(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Returns the width of every column, or nothing where a word would have to be cut. */
function fit(
  rows: PaintedCell[][],
  { width: available, measure }: Pick<TableScreen, 'width' | 'measure'>,
): number[] | undefined {
  const widest = (of: TextMeasure) =>
    (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => of(row[at]?.text ?? ''))));
  const widths = widest(measure);
  if (available === undefined) return widths;
  const least = widest((text) =>
    Math.min(measure(text), Math.max(narrowest, longestWord(text, measure))),
  );
  const room = available - gap * (widths.length - 1);
  while (sum(widths) > room) {
    const shrinkable = widths.map((width, at) => (width > (least[at] ?? 0) ? width : 0));
    const at = shrinkable.indexOf(Math.max(...shrinkable));
    if (!shrinkable[at]) return undefined;
    widths[at] = (widths[at] ?? 0) - 1;
  }
  return widths;
}

function longestWord(text: string, measure: TextMeasure): number {
  return Math.max(...text.split(/\s+/).map(measure));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function gridLines(
  cells: PaintedCell[],
  columns: Column[],
  { widths, measure }: { widths: number[]; measure: TextMeasure },
): string[] {
  const lengths = cells.map(({ text }) => measure(text));
  const padded = (at: number, text: string, length: number) => {
    const padding = ' '.repeat(Math.max(0, (widths[at] ?? 0) - length));
    const shown = text && (cells[at]?.paint(text) ?? '');
    return columns[at]?.align === 'right' ? padding + shown : shown + padding;
  };
  const joined = (texts: string[]) => texts.join(' '.repeat(gap)).trimEnd();
  if (lengths.every((length, at) => length <= (widths[at] ?? 0)))
    return [joined(cells.map(({ text }, at) => padded(at, text, lengths[at] ?? 0)))];
  const wrappedCells = cells.map(({ text }, at) => wrapWords(text, widths[at] ?? 0, measure));
  const height = Math.max(...wrappedCells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    joined(
      wrappedCells.map((lines, at) => {
        const text = lines[line] ?? '';
        return padded(at, text, measure(text));
      }),
    ),
  );
}

/** Returns a block of lines for every row, with an empty line between two. */
function blocksOf(
  head: PaintedCell[],
  body: PaintedCell[][],
  { width, measure }: { width: number; measure: TextMeasure },
): string[] {
  const label = Math.max(...head.map(({ text }) => measure(text))) + gap;
  const blocks = body.map((cells) =>
    cells.flatMap(({ text, paint }, at) =>
      wrapWords(text, width - label, measure, true).map((line, index) => {
        const name = index === 0 ? (head[at]?.text ?? '') : '';
        const padding = ' '.repeat(label - measure(name));
        return `${name && (head[at]?.paint(name) ?? '')}${padding}${paint(line)}`.trimEnd();
      }),
    ),
  );
  return blocks.flatMap((lines, at) => (at === 0 ? lines : ['', ...lines]));
}
