import { formatCountOf } from '../number.ts';
import { oneLine } from '../sanitise.ts';
import { cut, omittedCount, type FindingsReport, type ShownFinding } from './model.ts';

/** Characters of a comment of GitHub. */
export const longestComment = 65_536;

/** Room for the last line, which says what is left out. */
const reserve = 200;
/** Characters of one message in the table. */
const longestCell = 500;

/**
 * Returns Markdown for a comment or a step summary: a table, and for each finding what to do. What exceeds
 * the limit is left out, and the last line says so.
 *
 * @param limit in bytes of UTF-8
 */
export function toFindingsMarkdown(report: FindingsReport, limit = longestComment): string {
  const { command, findings, waived } = report;
  const head = [
    `<!-- dbops-${command.replaceAll(' ', '-')} -->`,
    `### dbops ${command}: ${verdictOf(report)}`,
    '',
    ...stopped(report),
  ].join('\n');
  const rows = findings.map((finding) => ({ row: rowOf(finding), details: detailsOf(finding) }));
  const shown = fitting(rows, limit - Buffer.byteLength(head) - tableHead.length - reserve);
  const rest = findings.length - shown.length + omittedCount(report);
  const last = [
    ...(rest > 0
      ? [`And ${formatCountOf(rest, 'more finding')}, which this report leaves out.`]
      : []),
    ...(waived.length > 0 ? [`${formatCountOf(waived.length, 'finding')} known or allowed.`] : []),
  ];
  const table = shown.length > 0 ? [tableHead, ...shown.map(({ row }) => row), ''] : [];
  return [head, ...table, ...shown.map(({ details }) => details), ...last, ''].join('\n');
}

const tableHead = '| severity | check | object | place |\n|---|---|---|---|';

function verdictOf(report: FindingsReport): string {
  const { findings, error } = report;
  if (error) return `stopped with ${error.code}`;
  const count = findings.length + omittedCount(report);
  return count === 0 ? 'no problems found' : formatCountOf(count, 'finding');
}

function stopped({ error }: FindingsReport): string[] {
  if (!error) return [];
  return [...fenced(`${error.message}\n${error.hint}`), ''];
}

interface Shown {
  row: string;
  details: string;
}

function fitting(rows: readonly Shown[], room: number): Shown[] {
  let left = room;
  const end = rows.findIndex(({ row, details }) => {
    left -= Buffer.byteLength(row) + Buffer.byteLength(details) + 2;
    return left < 0;
  });
  return end < 0 ? [...rows] : rows.slice(0, end);
}

function rowOf({ severity, code, object, file, line }: ShownFinding): string {
  return `| ${severity} | ${cell(code)} | ${cell(object)} | ${cell(`${file}:${line}`)} |`;
}

function detailsOf({ severity, code, message, help, fix, file, line }: ShownFinding): string {
  const place = entitiesIn(cut(`${severity} ${code} – ${file}:${line}`, 1_000));
  return [
    `<details><summary><code>${place}</code></summary>`,
    '',
    ...fenced(cut(`${message}\n→ ${help}`, 4_000)),
    ...(fix === undefined ? [] : ['', ...fenced(cut(fix, 4_000), 'sql')]),
    '',
    '</details>',
    '',
  ].join('\n');
}

/** A block of code, within which nothing is markup; its fence is longer than any in the text. */
function fenced(text: string, language = 'text'): string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, text, fence];
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A reference to a user or an issue would notify people. */
function escaped(text: string): string {
  return entitiesIn(oneLine(text).replaceAll(/[\\`*_[\]|~#@]/g, String.raw`\$&`));
}

/** Within an element of HTML nothing is Markdown. */
function entitiesIn(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => entities[character] ?? character);
}

function cell(text: string): string {
  return escaped(cut(text, longestCell));
}
