import type { Block, Column, Report, Row, Table } from '../../report.ts';
import { oneLine, stripControls } from '../sanitise.ts';
import { chartSvg } from './chart.ts';
import { style } from './style.ts';

/**
 * Returns a report as one HTML page that needs nothing else: no script, no font, no image. It follows the
 * reader's color scheme and prints.
 *
 * @param subtitle what the page was made from and when
 */
export function toHtml({ blocks }: Pick<Report, 'blocks'>, subtitle: string): string {
  const title = blocks.find((block): block is Table => block.kind === 'table')?.title ?? 'Report';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="dim">${escaped(subtitle)}</p>
${blocks.map(blockHtml).join('\n')}
</main>
</body>
</html>
`;
}

function blockHtml(block: Block): string {
  if (block.kind === 'table') return tableHtml(block);
  if (block.kind === 'text')
    return `<p class="${block.tone ?? 'plain'}">${escaped(block.text)}</p>`;
  if (block.kind === 'code') return `<pre>${escapedLines(block.text)}</pre>`;
  return block.findings.map(({ message }) => `<p class="bad">${escaped(message)}</p>`).join('\n');
}

function tableHtml({ columns, rows, notes = [], chart }: Table): string {
  const figure = chart
    ? `<figure>${chartSvg(chart)}<figcaption>${escaped(chart.title)}</figcaption></figure>\n`
    : '';
  const head = columns.map((column) => `<th${classOf(column.align)}>${escaped(column.label)}</th>`);
  const body = rows.map(
    (row) => `<tr>${columns.map((column) => cellHtml(column, row)).join('')}</tr>`,
  );
  const remarks =
    notes.length > 0
      ? `\n<ul class="dim">${notes.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>`
      : '';
  const empty = rows.length === 0 ? '\n<p class="dim">(no rows)</p>' : '';
  return `${figure}<div class="table"><table>
<thead><tr>${head.join('')}</tr></thead>
<tbody>${body.join('\n')}</tbody>
</table></div>${empty}${remarks}`;
}

function cellHtml({ key, align, format, tone }: Column, row: Row): string {
  const value = row[key];
  const shown = format ? format(value, row) : plain(value);
  return `<td${classOf(align, tone?.(value, row))}>${escaped(shown)}</td>`;
}

function classOf(...names: (string | undefined)[]): string {
  const given = names.filter((name) => name !== undefined && name !== 'left');
  return given.length > 0 ? ` class="${given.join(' ')}"` : '';
}

function plain(value: Row[string]): string {
  if (value === null || value === undefined) return '–';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return entitiesIn(oneLine(text));
}

function escapedLines(text: string): string {
  return entitiesIn(stripControls(text));
}

function entitiesIn(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
