import { csvCell } from './csv.ts';

const [tab, lineFeed, quote, comma] = [9, 10, 34, 44];
/** `= + - @`, with which a formula starts. */
const formula = new Set([61, 43, 45, 64]);
/** The first bytes of the C1 controls and of the bidirectional characters in UTF-8. */
const leads = new Set([0xc2, 0xd8, 0xe2]);

/** Bytes that need a look; all others are copied. */
const special = new Uint8Array(256);
for (let byte = 0; byte < 32; byte++) special[byte] = 1;
for (const byte of [quote, comma, 127, ...formula, ...leads]) special[byte] = 1;

/** How a row of the server is to be written. */
type Verdict = 'plain' | 'rewrite';

/** Bytes that are collected before they are written. */
const pieceSize = 256 * 1024;

/**
 * Collects rows of CSV as COPY writes them, with the line ends of RFC 4180, without control characters and
 * without formulas, as `toCsv` writes them. A row that needs no change is copied as bytes.
 *
 * @param isNumber of each column: its values are no formulas
 */
export function csvRows(isNumber: readonly boolean[]) {
  let piece = Buffer.allocUnsafe(pieceSize);
  let length = 0;
  let full: Buffer[] = [];
  const reserve = (bytes: number) => {
    if (length + bytes <= piece.length) return;
    full.push(piece.subarray(0, length));
    piece = Buffer.allocUnsafe(Math.max(pieceSize, bytes));
    length = 0;
  };
  const append = (text: string) => {
    reserve(Buffer.byteLength(text));
    length += piece.write(text, length);
  };
  return {
    append,
    /** Adds the row in `bytes` from `start` to before `end`, which ends with a line feed. */
    row(bytes: Buffer, start: number, end: number): void {
      const stop = bytes[end - 1] === lineFeed ? end - 1 : end;
      if (verdictOn(bytes, start, stop, isNumber) === 'rewrite')
        return append(rewritten(bytes.toString('utf8', start, stop), isNumber));
      reserve(stop - start + 2);
      length += bytes.copy(piece, length, start, stop);
      piece[length++] = 13;
      piece[length++] = lineFeed;
    },
    /** Returns what is complete, and with `all` the rest. */
    take(all = false): Buffer[] {
      const taken = full;
      full = [];
      if (!all || length === 0) return taken;
      taken.push(piece.subarray(0, length));
      piece = Buffer.allocUnsafe(pieceSize);
      length = 0;
      return taken;
    },
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
    const byte = bytes[at] as number;
    if (special[byte] === 0) continue;
    if (byte === quote) {
      if (at === cell) cell++; // the content begins behind it
      isQuoted = !isQuoted;
    } else if (byte === comma) {
      if (isQuoted) continue;
      column++;
      cell = at + 1;
    } else if (formula.has(byte) || byte === tab) {
      if (at === cell && !isNumber[column]) return 'rewrite';
    } else if (byte !== lineFeed && (!leads.has(byte) || isHidden(bytes, at))) return 'rewrite';
  }
  return 'plain';
}

/** Returns whether a C1 control or a bidirectional character begins here. */
function isHidden(bytes: Buffer, at: number): boolean {
  const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
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
