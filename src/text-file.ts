import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { relative } from 'node:path';
import { fileError, usageError } from './errors.ts';
import type { Migration, Script } from './migration.ts';
import { shellWord } from './output/shell.ts';

/** Why a file is not text that PostgreSQL and the migration tools accept. */
export interface TextFlaw {
  message: string;
  help: string;
}

/** Regular files that were listed and not read since, by their directory. */
const listed = new Map<string, Set<string>>();

/**
 * Returns the names in a directory; undefined when the path is not a directory. The first read of a
 * file that is listed as a regular one does not ask for its type again.
 */
export function listDirectory(directory: string): string[] | undefined {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return undefined;
  const regular = new Set<string>();
  listed.set(directory, regular);
  return readdirSync(directory, { withFileTypes: true }).map((entry) => {
    if (entry.isFile()) regular.add(entry.name);
    return entry.name;
  });
}

/** Returns whether a file is among the listed ones, and removes it from them. */
function takeListed(file: string): boolean {
  const end = file.lastIndexOf('/');
  return listed.get(file.slice(0, end))?.delete(file.slice(end + 1)) ?? false;
}

/** Opening a named pipe would wait for a writer. Windows has neither the flag nor such files. */
const withoutWaiting = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** The bytes of the file that is being read; longer files get memory of their own. */
const memory = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Returns what `decode` makes of a file that may be of any type. Pipes and sockets cannot be read at a position. The
 * type is asked only where a device could have given the bytes: for a thousand files, that takes half as long as
 * reading them.
 */
function readUnlisted<T>(file: string, decode: (bytes: Buffer, length: number) => T): T {
  const descriptor = openSync(file, withoutWaiting);
  try {
    const length = readSync(descriptor, memory, 0, memory.length, 0);
    const mayBeRegular = length > 0 && length < memory.length;
    const isWhole = mayBeRegular && readSync(descriptor, memory, length, 1, length) === 0;
    if (isWhole) return decode(memory, length);
    if (!fstatSync(descriptor).isFile()) throw specialFile(file);
    const bytes = readFileSync(descriptor);
    return decode(bytes, bytes.length);
  } finally {
    closeSync(descriptor);
  }
}

/** What a named pipe answers to a read at a position, and a socket to being opened. */
const notRegular = new Set(['ESPIPE', 'ENXIO', 'EOPNOTSUPP', 'ENOTSUP']);

/**
 * Returns what `read` reads of a file.
 *
 * @throws usage error when the file is a named pipe, a socket or a device; a system error with the
 *   path of the file, which Node's EISDIR lacks
 */
function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code = '' }: NodeJS.ErrnoException = error;
    if (notRegular.has(code)) throw specialFile(file);
    throw fileError(error) ? Object.assign(error, { path: file }) : error;
  }
}

/** One object for all files: Node would make one for each. */
const utf8 = { encoding: 'utf8', flag: 'r' } as const;

const copied = (bytes: Buffer, length: number) => Buffer.from(bytes.subarray(0, length));
const decoded = (bytes: Buffer, length: number) => bytes.toString('utf8', 0, length);

const readBytes = (file: string) => reading(file, () => readUnlisted(file, copied));

/**
 * Returns the text of a file in UTF-8; undefined for any other content. Node decodes bytes that are not
 * UTF-8 as U+FFFD; a file may also contain that character, and its bytes decide.
 */
function readUtf8(file: string): string | undefined {
  const text = reading(file, () =>
    takeListed(file) ? readFileSync(file, utf8) : readUnlisted(file, decoded),
  );
  return text.includes('\uFFFD') || text.includes('\0') ? undefined : text;
}

function specialFile(file: string) {
  return usageError(
    'FILE.UNREADABLE',
    `Cannot read ${file}: it is a named pipe, a socket or a device.`,
    'Replace it with a regular file, or remove it.',
  );
}

/**
 * Returns the text of a file, including a byte order mark.
 *
 * @throws usage error when it is not UTF-8, or contains a NUL byte; as `readBytes`
 */
export function readText(file: string): string {
  const text = readUtf8(file);
  if (text !== undefined) return text;
  const bytes = readBytes(file);
  const flaw = flawOf(bytes, file);
  if (flaw) throw usageError('FILE.ENCODING', flaw.message, flaw.help);
  return bytes.toString('utf8');
}

/** Returns the text of a script: SQL, or the source of a module. @throws as `readText` */
export function sourceOf(script: Script): string {
  return script.kind === 'sql' ? script.sql : (script.source ?? readText(script.file));
}

/** Returns a script with its text, which others may read from the file at every access. */
export function loadedScript(script: Script): Script {
  if (script.kind === 'module') return script;
  const { kind, file, sql, noTransaction, sqlFor } = script;
  return { kind, file, sql, noTransaction, sqlFor };
}

/** Returns the text that applies a migration; empty when its file no longer exists. */
export function upSourceOf({ up, isMissing }: Migration): string {
  return isMissing ? '' : sourceOf(up);
}

/** Returns the value in a JSON file. @throws SyntaxError when it is not JSON; as `readText` */
export function readJson(file: string): unknown {
  return JSON.parse(readText(file).replace(/^\uFEFF/, ''));
}

/** Returns why the bytes are not text in UTF-8; nothing when they are. @param file for the message */
function flawOf(bytes: Buffer, file: string): TextFlaw | undefined {
  const hasNul = bytes.includes(0);
  if (!hasNul && isUtf8(bytes)) return undefined;
  const shown = relative(process.cwd(), file) || file;
  const encoding = encodingOf(bytes);
  if (encoding === undefined)
    return {
      message: `${shown} contains a NUL byte in line ${lineOf(bytes, bytes.indexOf(0))}, which PostgreSQL does not accept.`,
      help: `Remove the byte: ${rewritten(shown, (name) => String.raw`tr -d '\000' < ${name}`)}`,
    };
  return {
    message: `${shown} is not UTF-8: ${evidenceOf(bytes, encoding)}.`,
    help: `Convert the file: ${rewritten(shown, (name) => `iconv -f ${encoding.iconv} -t UTF-8 ${name}`)}`,
  };
}

interface Encoding {
  name: string;
  /** As iconv calls it. */
  iconv: string;
  /** Whether the name follows from a byte order mark or NUL bytes; otherwise it is a guess. */
  isCertain: boolean;
}

const certain = (name: string, iconv: string): Encoding => ({ name, iconv, isCertain: true });

function encodingOf(bytes: Buffer): Encoding | undefined {
  const [first, second, third, fourth] = bytes;
  if (first === 0xff && second === 0xfe)
    return third === 0 && fourth === 0
      ? certain('UTF-32 with a byte order mark', 'UTF-32')
      : certain('UTF-16 (little-endian) with a byte order mark', 'UTF-16');
  if (first === 0xfe && second === 0xff)
    return certain('UTF-16 (big-endian) with a byte order mark', 'UTF-16');
  const wide = wideEncodingOf(bytes);
  if (wide || isUtf8(bytes)) return wide;
  return bytes.some((byte) => byte >= 0x80 && byte < 0xa0)
    ? { name: 'Windows-1252', iconv: 'WINDOWS-1252', isCertain: false }
    : { name: 'Latin-1 (ISO-8859-1)', iconv: 'ISO-8859-1', isCertain: false };
}

/** In UTF-16, one byte of each ASCII character is NUL; SQL and JavaScript consist mostly of these. */
function wideEncodingOf(bytes: Buffer): Encoding | undefined {
  const nuls = [0, 0];
  bytes.forEach((byte, index) => {
    if (byte === 0) nuls[index % 2] = (nuls[index % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = nuls;
  const enough = bytes.length / 8;
  if (odd > enough && even === 0)
    return certain('UTF-16 (little-endian) without a byte order mark', 'UTF-16LE');
  if (even > enough && odd === 0)
    return certain('UTF-16 (big-endian) without a byte order mark', 'UTF-16BE');
  return undefined;
}

function evidenceOf(bytes: Buffer, { name, isCertain }: Encoding): string {
  if (isCertain) return `it is ${name} (line 1)`;
  const line = firstLineThatIsNotUtf8(bytes);
  return `line ${line} contains bytes of another encoding, probably ${name}`;
}

/** The byte of a line feed is part of no longer sequence of UTF-8. */
function firstLineThatIsNotUtf8(bytes: Buffer): number {
  for (let start = 0, line = 1; start <= bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (!isUtf8(bytes.subarray(start, end < 0 ? undefined : end))) return line;
    if (end < 0) break;
    start = end + 1;
  }
  return 1;
}

function lineOf(bytes: Buffer, offset: number): number {
  let line = 1;
  for (let at = bytes.indexOf(0x0a); at >= 0 && at < offset; at = bytes.indexOf(0x0a, at + 1))
    line++;
  return line;
}

/** Returns a command line that replaces a file with the output of a command. */
function rewritten(file: string, command: (name: string) => string): string {
  const [name, fresh] = [shellWord(file), shellWord(`${file}.utf8`)];
  return `${command(name)} > ${fresh} && mv ${fresh} ${name}`;
}

/** The flaws that `readInAnyEncoding` has found, so that a folder is read once. */
const flaws = new Map<string, TextFlaw>();

/** Returns why a file is not text in UTF-8, as `readInAnyEncoding` last found it. */
export function flawWhenRead(file: string): TextFlaw | undefined {
  return flaws.get(file);
}

/** Returns why a file is not text in UTF-8. @throws as `readBytes` */
export function flawOfFile(file: string): TextFlaw | undefined {
  return readUtf8(file) === undefined ? flawOf(readBytes(file), file) : undefined;
}

/**
 * Returns the text of a file in the encoding that it seems to have, to recognize and to list it. What
 * is run is read with `readText`.
 *
 * @throws as `readBytes`
 */
export function readInAnyEncoding(file: string): string {
  const text = readUtf8(file);
  flaws.delete(file);
  if (text !== undefined) return text;
  const bytes = readBytes(file);
  const flaw = flawOf(bytes, file);
  if (!flaw) return bytes.toString('utf8');
  flaws.set(file, flaw);
  const label = encodingOf(bytes)?.iconv ?? 'UTF-8';
  const isBigEndian = label.endsWith('BE') || (label === 'UTF-16' && bytes[0] === 0xfe);
  if (label.startsWith('UTF-16'))
    return new TextDecoder(isBigEndian ? 'utf-16be' : 'utf-16le').decode(bytes);
  return bytes.toString('utf8');
}
