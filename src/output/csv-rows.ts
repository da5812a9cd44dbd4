import { csvCell } from './csv.ts';
import { Pieces } from './pieces.ts';

const lineFeed = 10;

/** What a byte may mean in a row; a table of numbers, because every byte of a report is looked up. */
const kinds = { ordinary: 0, quote: 1, comma: 2, formula: 3, lead: 4, control: 5 } as const;

const kindOf = new Uint8Array(256);
kindOf.fill(kinds.control, 0, 32);
kindOf[lineFeed] = kinds.ordinary;
kindOf[0x7f] = kinds.control;
kindOf[0x22] = kinds.quote;
kindOf[0x2c] = kinds.comma;
// `= + - @` and the tab, with which a formula starts.
for (const byte of [0x3d, 0x2b, 0x2d, 0x40, 0x09]) kindOf[byte] = kinds.formula;
// The first bytes of the C1 controls and of the bidirectional characters in UTF-8.
for (const byte of [0xc2, 0xd8, 0xe2]) kindOf[byte] = kinds.lead;

/** How a row of the server is to be written. */
type Verdict = 'plain' | 'rewrite';

/**
 * Collects rows of CSV as COPY writes them, with the line ends of RFC 4180, without control characters and
 * without formulas, as `toCsv` writes them. A row that needs no change is copied as bytes.
 *
 * @param isNumber of each column: its values are no formulas
 */
export function csvRows(isNumber: readonly boolean[]) {
  const pieces = new Pieces();
  return {
    append: (text: string) => pieces.append(text),
    /** Adds the row in `bytes` from `start` to before `end`, which ends with a line feed. */
    row(bytes: Buffer, start: number, end: number): void {
      const stop = bytes[end - 1] === lineFeed ? end - 1 : end;
      if (verdictOn(bytes, start, stop, isNumber) === 'rewrite')
        return pieces.append(rewritten(bytes.toString('utf8', start, stop), isNumber));
      pieces.reserve(stop - start + 2);
      pieces.length += bytes.copy(pieces.bytes, pieces.length, start, stop);
      pieces.bytes[pieces.length++] = 13;
      pieces.bytes[pieces.length++] = lineFeed;
    },
    take: (all = false) => pieces.take(all),
  };
}

function verdictOn(
  bytes: Buffer,
  start: number,
  end: number,
  isNumber: readonly boolean[],
): Verdict {
  let isQuoted = false;
  let column = 0;
  let cell = start;
  for (let at = start; at < end; at++) {
    const kind = kindOf[bytes[at] as number];
    if (kind === kinds.ordinary) continue;
    if (kind === kinds.quote) {
      if (at === cell) cell++; // the content begins behind it
      isQuoted = !isQuoted;
    } else if (kind === kinds.comma) {
      if (isQuoted) continue;
      column++;
      cell = at + 1;
    } else if (kind === kinds.formula) {
      if (at === cell && !isNumber[column]) return 'rewrite';
    } else if (kind === kinds.control || isHidden(bytes, at)) return 'rewrite';
  }
  return 'plain';
}

/** Returns whether a C1 control or a bidirectional character begins here. */
export function isHidden(bytes: Buffer, at: number): boolean {
  const first = bytes[at];
  const second = bytes[at + 1] ?? 0;
  const third = bytes[at + 2] ?? 0;
  if (first === 0xc2) return second < 0xa0;
  if (first === 0xd8) return second === 0x9c;
  return (
    (second === 0x80 && (third === 0x8e || third === 0x8f || (third >= 0xaa && third <= 0xae))) ||
    (second === 0x81 && third >= 0xa6 && third <= 0xa9)
  );
}

/** Returns a row cell by cell, with its line end. */
function rewritten(row: string, isNumber: readonly boolean[]): string {
  const cells = `,${row}`.match(/,(?:"(?:[^"]|"")*"|[^,"]*)/g) ?? [];
  const written = cells.map((raw, column) => {
    const cell = raw.slice(1);
    // COPY writes an empty text in quotes, and NULL without.
    if (cell === '""') return cell;
    const text = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    return csvCell(text, isNumber[column]);
  });
  return `${written.join(',')}\r\n`;
}
