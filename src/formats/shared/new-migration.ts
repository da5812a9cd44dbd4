import { usageError } from '../../errors.ts';
import type { NewMigration } from '../format.ts';
import { readText } from './script.ts';

/** A title as a part of a file's name: `Add invoices!` is `add_invoices`. */
export function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
}

/** A title as a comment of SQL. */
export function commentOf(title: string): string {
  return `-- ${title.trim().replaceAll(/\s+/g, ' ')}\n`;
}

/** What a folder puts before its names: a clock's time, or a number. */
type Clock = (now: Date) => string;

const digitsOf = (length: number): Clock => {
  return (now) => now.toISOString().replaceAll(/\D/g, '').slice(0, length);
};
export const milliseconds: Clock = (now) => String(now.valueOf());
const seconds: Clock = digitsOf(14);

/** Prefixes that are times in UTC; `unit` is by how much two of them differ at the least. */
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

/** `20260102030405` in milliseconds since 1970; not a number when it is no date. */
function timeOf(prefix: string): number {
  const digits = prefix.replaceAll(/\D/g, '');
  if (digits.length === 13) return Number(digits);
  const parts = /^(....)(..)(..)(..)(..)(..)(...)$/.exec(digits.padEnd(17, '0')) ?? [];
  const [, year, month, day, hour, minute, second, rest] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${rest}Z`);
}

/**
 * The prefix that comes after that of the folder's last name, in its way: a later time, or the next
 * number with as many digits.
 *
 * @param usual the clock of the tool, for a folder without a name
 * @returns nothing where the last name has none
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
 * The name of a new file, without its ending, in a folder whose names are as its last one.
 *
 * @throws usage error when a tool that orders names as text would not run it last
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

/**
 * As `nameAfter`, for tools that put the time in UTC, with 14 digits, before every name: that is
 * taken wherever it comes last.
 */
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
    `A new migration ${name} would come before ${last}, as the tool orders names as text.`,
    'Give it a name that comes last in the alphabet, or write the file yourself.',
  );
}

/** How the modules of a folder are written. */
export interface ModuleStyle {
  /** Such as `.ts`. */
  ending: string;
  isTypeScript: boolean;
  isCommonJs: boolean;
}

/** The style of the folder's last module; TypeScript where it has none. */
export function moduleStyleOf({ migrations }: NewMigration): ModuleStyle {
  const module = migrations.findLast(({ up }) => up.kind === 'module')?.up.file;
  if (module === undefined) return { ending: '.ts', isTypeScript: true, isCommonJs: false };
  const source = readText(module);
  const ending = module.slice(module.lastIndexOf('.'));
  const exportsByName = /\bexports\b\s*[.=[]/.test(source) && !/^\s*export\b/m.test(source);
  return { ending, isTypeScript: ending.endsWith('ts'), isCommonJs: exportsByName };
}

interface Parameter {
  name: string;
  /** In TypeScript. */
  type: string;
}

/** A module with an `up` and a `down` to be filled in, in the style of its folder. */
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

/** @throws usage error when a module was asked for in a folder of a tool that runs SQL only */
export function assertSqlOnly({ module }: NewMigration, tool: string): void {
  if (!module) return;
  throw usageError(
    'NEW.NO_MODULES',
    `Migrations of ${tool} are SQL files.`,
    'Leave out --module: dbops migrate new NAME',
  );
}
