import type { Cell, Table } from '../report.ts';
import { escapeControls, stripControls } from './sanitise.ts';

/**
 * Returns a table as CSV (RFC 4180). A cell that a spreadsheet would run as a formula (it starts with
 * `= + - @` or a tab, and is not a number) is prefixed with an apostrophe.
 */
export function toCsv(table: Table): string {
  const header = table.columns.map(({ key }) => quote(key));
  const rows = table.rows.map((row) => table.columns.map(({ key }) => cell(row[key])));
  return [header, ...rows].map((line) => `${line.join(',')}\r\n`).join('');
}

/** Returns a text as a cell of CSV. @param isNumber the text is of a numeric type, and no formula */
export function csvCell(text: string, isNumber = false): string {
  const clean = stripControls(text);
  return quote(isNumber ? clean : defuse(clean));
}

function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return quote(escapeControls(JSON.stringify(value)));
  return csvCell(String(value));
}

function defuse(text: string): string {
  const isFormula = /^[=+\-@\t]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text);
  return isFormula ? `'${text}` : text;
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
