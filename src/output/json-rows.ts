import { isHidden } from './csv-rows.ts';
import { Pieces } from './pieces.ts';

/** How the text of the server becomes JSON: `text` in quotes; `other` is never copied as it is. */
export type JsonKind =
  'integer' | 'float' | 'boolean' | 'timestamp' | 'timestamptz' | 'text' | 'other';

/** A column of rows that COPY writes in its text format. */
export interface JsonColumn {
  /** Its name as JSON. */
  key: string;
  kind: JsonKind;
  /** Returns a value as JSON on one line. */
  toJson: (text: string) => string;
}

const bytesOf = (text: string) => Buffer.from(text);
const byteOf = (character: string) => character.charCodeAt(0);
const [tab, lineFeed, quote, backslash] = [9, 10, byteOf('"'), byteOf('\\')];
const [zero, nine] = [byteOf('0'), byteOf('9')];
const [isNull, isTrue, isFalse] = [bytesOf('null'), bytesOf('true'), bytesOf('false')];

/** What a byte means in a string of JSON; a table of numbers, because every byte of a report is looked up. */
const marks = { ordinary: 0, special: 1, lead: 2 } as const;
const markOf = new Uint8Array(256);
markOf.fill(marks.special, 0, 32);
for (const byte of bytesOf('"\\\u007f')) markOf[byte] = marks.special;
// The first bytes of the C1 controls and of the bidirectional characters in UTF-8.
for (const byte of [0xc2, 0xd8, 0xe2]) markOf[byte] = marks.lead;

/**
 * Collects rows that COPY writes in its text format as objects of JSON, one a line, with a comma between them. A
 * row whose values need no change is copied as bytes; any other is written value by value as text.
 */
export function jsonRows(columns: readonly JsonColumn[]) {
  const pieces = new Pieces();
  const heads = columns.map(({ key }, at) => bytesOf(`${at === 0 ? '{' : ','}${key}:`));
  // A value becomes at most 5 bytes longer: `\N` is null, `f` is false.
  const most = heads.reduce((sum, { length }) => sum + length + 5, '\n    ,{}'.length);
  let separator = bytesOf('\n    ');
  const writeAsText = (bytes: Buffer, start: number, end: number) => {
    const cells = bytes.toString('utf8', start, end).split('\t');
    const members = columns.map(({ key, toJson }, at) => {
      const cell = cells[at] ?? '';
      return `${key}:${cell === String.raw`\N` ? 'null' : toJson(unescaped(cell))}`;
    });
    pieces.append(`${separator.toString()}{${members.join(',')}}`);
  };
  return {
    /** Adds the row in `bytes` from `start` to before `end`, which ends with a line feed. */
    row(bytes: Buffer, start: number, end: number): void {
      const stop = bytes[end - 1] === lineFeed ? end - 1 : end;
      pieces.reserve(stop - start + most);
      const before = pieces.length;
      pieces.copy(separator, 0, separator.length);
      if (!writePlain(pieces, { columns, heads }, { bytes, start, stop })) {
        pieces.length = before;
        writeAsText(bytes, start, stop);
      }
      separator = bytesOf(',\n    ');
    },
    take: (all = false) => pieces.take(all),
  };
}

interface Shape {
  columns: readonly JsonColumn[];
  heads: readonly Buffer[];
}

/** Writes a row whose values need no change. @returns false for any other row, of which a part may be written */
function writePlain(
  pieces: Pieces,
  { columns, heads }: Shape,
  { bytes, start, stop }: { bytes: Buffer; start: number; stop: number },
): boolean {
  let cell = start;
  for (let column = 0; column < columns.length; column++) {
    const head = heads[column] as Buffer;
    pieces.copy(head, 0, head.length);
    let end = cell;
    while (end < stop && bytes[end] !== tab) end++;
    if (bytes[cell] === backslash && bytes[cell + 1] === byteOf('N') && end - cell === 2)
      pieces.copy(isNull, 0, isNull.length);
    else if (!writers[(columns[column] as JsonColumn).kind](pieces, bytes, cell, end)) return false;
    cell = end + 1;
  }
  if (columns.length === 0) pieces.append('{');
  pieces.append('}');
  return true;
}

type Write = (pieces: Pieces, bytes: Buffer, start: number, end: number) => boolean;

const writers: Record<JsonKind, Write> = {
  integer(pieces, bytes, start, end) {
    pieces.copy(bytes, start, end);
    return true;
  },
  float(pieces, bytes, start, end) {
    // The server and JSON write the same digits, except with an exponent, of -0 and of what is no number.
    for (let at = start; at < end; at++) if (!isOfNumber(bytes[at] as number)) return false;
    if (end - start === 2 && bytes[start] === byteOf('-') && bytes[start + 1] === zero)
      return false;
    pieces.copy(bytes, start, end);
    return true;
  },
  boolean(pieces, bytes, start) {
    const word = bytes[start] === byteOf('t') ? isTrue : isFalse;
    pieces.copy(word, 0, word.length);
    return true;
  },
  timestamp: writeInstant,
  timestamptz(pieces, bytes, start, end) {
    // +00: the time zone of every report is UTC.
    const isUtc =
      bytes[end - 3] === byteOf('+') && bytes[end - 2] === zero && bytes[end - 1] === zero;
    if (!isUtc || !writeInstant(pieces, bytes, start, end - 3)) return false;
    pieces.bytes[pieces.length - 1] = byteOf('Z');
    pieces.bytes[pieces.length++] = quote;
    return true;
  },
  text(pieces, bytes, start, end) {
    for (let at = start; at < end; at++) {
      const mark = markOf[bytes[at] as number];
      if (mark === marks.special || (mark === marks.lead && isHidden(bytes, at))) return false;
    }
    return writeQuoted(pieces, bytes, start, end);
  },
  other: () => false,
};

function isOfNumber(byte: number): boolean {
  return (byte >= zero && byte <= nine) || byte === byteOf('-') || byte === byteOf('.');
}

/** Writes `2026-11-01 12:00:00.5` with a T; not years of more digits, years before Christ and infinity. */
function writeInstant(pieces: Pieces, bytes: Buffer, start: number, end: number): boolean {
  for (let at = 0; at < form.length; at++) {
    const byte = bytes[start + at] as number;
    if (form[at] === zero ? byte < zero || byte > nine : byte !== form[at]) return false;
  }
  if (end - start < form.length || bytes[end - 1] === byteOf('C')) return false; // BC
  const time = pieces.length + '"2026-11-01'.length;
  writeQuoted(pieces, bytes, start, end);
  pieces.bytes[time] = byteOf('T');
  return true;
}

const form = bytesOf('0000-00-00 00:00:00');

function writeQuoted(pieces: Pieces, bytes: Buffer, start: number, end: number): true {
  pieces.bytes[pieces.length++] = quote;
  pieces.copy(bytes, start, end);
  pieces.bytes[pieces.length++] = quote;
  return true;
}

const escapes: Record<string, string> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Returns the text of a value in the text format of COPY (server manual, "COPY", File Formats). */
function unescaped(cell: string): string {
  if (!cell.includes('\\')) return cell;
  return cell.replaceAll(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
}
