import { usageError } from '../../errors.ts';
import type { NewMigration } from '../format.ts';
import { readInAnyEncoding } from '../../text-file.ts';

/** Returns a title as part of a file name: `add_invoices` for `Add invoices!`. */
export function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
}

/** Returns a title as an SQL comment. */
export function commentOf(title: string): string {
  return `-- ${title.trim().replaceAll(/\s+/g, ' ')}\n`;
}

/** Writes the time as the prefix of a file name. */
type Clock = (now: Date) => string;

const digitsOf = (length: number): Clock => {
  return (now) => now.toISOString().replaceAll(/\D/g, '').slice(0, length);
};
export const milliseconds: Clock = (now) => String(now.valueOf());
const seconds: Clock = digitsOf(14);

/** Prefixes that are times in UTC; `unit` is their resolution in milliseconds. */
const clocks: { pattern: RegExp; unit: number; write: Clock }[] = [
  { pattern: /^20\d{15}(?!\d)/, unit: 1, write: digitsOf(17) },
  { pattern: /^20\d{12}(?!\d)/, unit: 1000, write: seconds },
  { pattern: /^20\d{10}(?!\d)/, unit: 60_000, write: digitsOf(12) },
  { pattern: /^20\d{6}(?!\d)/, unit: 86_400_000, write: digitsOf(8) },
  { pattern: /^1\d{12}(?!\d)/, unit: 1, write: milliseconds },
  {
    pattern: /^\d{4}-\d\d-\d\dT\d{6}/,
    unit: 1000,
    write: (now) => now.toISOString().slice(0, 19).replaceAll(':', ''),
  },
  {
    pattern: /^\d{4}-\d\d-\d\d/,
    unit: 86_400_000,
    write: (now) => now.toISOString().slice(0, 10),
  },
];

/** Returns `20260102030405` in milliseconds since 1970; NaN when it is not a date. */
function timeOf(prefix: string): number {
  const digits = prefix.replaceAll(/\D/g, '');
  if (digits.length === 13) return Number(digits);
  const parts = /^(....)(..)(..)(..)(..)(..)(...)$/.exec(digits.padEnd(17, '0')) ?? [];
  const [, year, month, day, hour, minute, second, rest] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${rest}Z`);
}

/**
 * Returns the prefix that follows that of the folder's last name in the same style: a later time, or
 * the next number with as many digits. Undefined when the last name has none.
 *
 * @param usual the tool's own prefix, for an empty folder
 */
export function prefixAfter(last: string | undefined, now: Date, usual: Clock): string | undefined {
  if (last === undefined) return usual(now);
  const clock = clocks.find(({ pattern }) => pattern.test(last));
  const [prefix] = clock?.pattern.exec(last) ?? /^\d+/.exec(last) ?? [];
  const time = clock && prefix ? timeOf(prefix) : Number.NaN;
  if (clock && !Number.isNaN(time))
    return clock.write(new Date(Math.max(now.valueOf(), time + clock.unit)));
  return prefix && String(BigInt(prefix) + 1n).padStart(prefix.length, '0');
}

/**
 * Returns the name of a new file, without its extension, in the style of the folder's last name.
 *
 * @throws usage error when it would not sort last as text
 */
export function nameAfter({ migrations, title, now }: NewMigration, usual: Clock): string {
  const last = migrations.at(-1)?.name;
  const prefix = prefixAfter(last, now, usual);
  const separator = last === undefined ? '_' : (/^[\dT-]*\d([-_.])/.exec(last)?.[1] ?? '_');
  return afterLast(
    prefix === undefined ? slugOf(title) : `${prefix}${separator}${slugOf(title)}`,
    last,
  );
}

/** As `nameAfter`, for tools whose names start with 14 digits of UTC time, which is used if it sorts last. */
export function datedNameAfter(request: NewMigration): string {
  const last = request.migrations.at(-1)?.name;
  const name = `${seconds(request.now)}_${slugOf(request.title)}`;
  const isLater = last === undefined || (prefixOf(last) !== prefixOf(name) && last < name);
  return isLater ? name : nameAfter(request, seconds);
}

function prefixOf(name: string): string | undefined {
  return /^\d+/.exec(name)?.[0];
}

function afterLast(name: string, last: string | undefined): string {
  if (last === undefined || last < name) return name;
  throw usageError(
    'NEW.ORDER',
    `The new migration ${name} would sort before ${last}: the tool sorts names as text.`,
    'Choose a name that sorts last, or create the file yourself.',
  );
}

/** The style of a folder's modules. */
export interface ModuleStyle {
  /** Such as `.ts`. */
  ending: string;
  isTypeScript: boolean;
  isCommonJs: boolean;
}

/** Returns the style of the folder's last module; TypeScript by default. */
export function moduleStyleOf({ migrations }: NewMigration): ModuleStyle {
  const module = migrations.findLast(({ up }) => up.kind === 'module')?.up.file;
  if (module === undefined) return { ending: '.ts', isTypeScript: true, isCommonJs: false };
  const source = readInAnyEncoding(module);
  const ending = module.slice(module.lastIndexOf('.'));
  const exportsByName = /\bexports\b\s*[.=[]/.test(source) && !/^\s*export\b/m.test(source);
  return { ending, isTypeScript: ending.endsWith('ts'), isCommonJs: exportsByName };
}

interface Parameter {
  name: string;
  /** In TypeScript. */
  type: string;
}

/** Returns a module with an empty `up` and `down`, in the style of its folder. */
export function emptyModule(
  { isTypeScript, isCommonJs }: ModuleStyle,
  { name, type }: Parameter,
  head = '',
): string {
  const functions = ['up', 'down'].map((direction) => {
    if (isCommonJs) return `exports.${direction} = async function (${name}) {};\n`;
    return isTypeScript
      ? `export async function ${direction}(${name}: ${type}): Promise<void> {}\n`
      : `export async function ${direction}(${name}) {}\n`;
  });
  return [...(isTypeScript && !isCommonJs ? [head] : []), ...functions].filter(Boolean).join('\n');
}

/** @throws usage error when the request is for a module; for tools that run SQL only */
export function assertSqlOnly({ module }: NewMigration, tool: string): void {
  if (!module) return;
  throw usageError(
    'NEW.NO_MODULES',
    `${tool} migrations are SQL files; modules are not supported.`,
    'Run it without --module: dbops migrate new NAME',
  );
}

/** Returns the text of an empty module of Kysely; TypeScript by default. */
export function emptyKyselyModule(
  style: ModuleStyle = { ending: '.ts', isTypeScript: true, isCommonJs: false },
): string {
  const parameter = { name: 'db', type: 'Kysely<unknown>' };
  return emptyModule(style, parameter, "import type { Kysely } from 'kysely';\n");
}
