import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { usageError, type DbopsError } from '../../errors.ts';
import type { Direction } from '../../migration.ts';
import { readText } from '../../text-file.ts';

/** What a module is loaded for, as its errors name it. */
interface ModuleUse {
  /** The first word of the codes. */
  code: 'MIGRATION' | 'SEED';
  /** The command that runs the module. */
  command: string;
  /** Returns what to do about a module that cannot be loaded. */
  fix(file: string): string;
}

const asMigration: ModuleUse = {
  code: 'MIGRATION',
  command: 'dbops migrate up',
  fix: (file) => `Fix ${file}.`,
};

/** A module of `seeds`. */
export const asSeed: ModuleUse = {
  code: 'SEED',
  command: 'dbops seed',
  fix: (file) => `Fix ${file}, then run: dbops seed`,
};

/**
 * Returns the exports of a module, loaded by Node itself: types are stripped, nothing is compiled.
 *
 * @throws usage error when it cannot be loaded, or when the file was edited after this process loaded it
 */
export async function importModule(
  file: string,
  use = asMigration,
): Promise<Record<string, unknown>> {
  const text = readText(file); // Node decodes leniently, and waits for the writer of a named pipe
  // Node loads a module once: an application that calls the API again would run the code of before.
  if ((texts.get(file) ?? text) !== text)
    throw usageError(
      `${use.code}.MODULE_CHANGED`,
      `${basename(file)} was edited after this process loaded it.`,
      'Restart the process; then the edited file is loaded.',
    );
  try {
    const exported = await evaluate(file);
    texts.set(file, text);
    return exported;
  } catch (cause) {
    throw notLoaded(file, cause, use);
  }
}

/** The texts of the loaded modules, by file. */
const texts = new Map<string, string>();

const require = createRequire(import.meta.url);

/** `require` also loads ECMAScript modules without top-level await, in half the time of `import`. */
async function evaluate(file: string): Promise<Record<string, unknown>> {
  try {
    return require(file);
  } catch (error) {
    if (objectOf(error)['code'] !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(pathToFileURL(file).href);
  }
}

/** Returns the function of a direction: a named export, or a member of the default export. */
export function functionOf(
  loaded: Record<string, unknown>,
  direction: Direction,
): ((db: unknown) => unknown) | undefined {
  const own = [loaded, objectOf(loaded['default'])].map((each) => each[direction]);
  return own.find((each) => typeof each === 'function') as ((db: unknown) => unknown) | undefined;
}

/**
 * Returns whether the body of a function has only comments, as in the templates of the tools. One
 * without a parameter is meant to do nothing.
 */
export function isEmptyFunction(each: (...values: never[]) => unknown): boolean {
  if (each.length === 0) return false;
  const code = String(each).replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
  return /(?:\)|=>)\s*\{\s*\}$/.test(code);
}

/** The code of the error for a module that exports no `down` and does not forbid it. */
export const downIsAbsent = 'MIGRATION.WITHOUT_DOWN';

/** Returns the error for a module that exports no function of a direction. */
export function withoutFunction(
  file: string,
  loaded: Record<string, unknown>,
  { direction, parameter }: { direction: Direction; parameter: string },
): DbopsError {
  const isForbidden = [loaded, objectOf(loaded['default'])].some(
    (each) => each[direction] === false,
  );
  const code = { up: 'MIGRATION.MODULE', down: isForbidden ? 'MIGRATION.NO_DOWN' : downIsAbsent };
  return usageError(
    code[direction],
    isForbidden
      ? `${basename(file)} forbids ${direction}: it exports ${direction} = false.`
      : `${basename(file)} exports no function ${direction}(${parameter}).`,
    isForbidden
      ? 'Write a migration that undoes it: dbops migrate new NAME'
      : direction === 'up'
        ? `Add the export to ${file}; if it is not a migration, move it out of the folder.`
        : `Add the export to ${file}.`,
  );
}

/** Returns the value if it is an object, and otherwise an empty one. */
export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function notLoaded(file: string, cause: unknown, use: ModuleUse): DbopsError {
  const code = String(objectOf(cause)['code'] ?? '');
  const way = ways.find(({ sign }) => sign.test(code) || sign.test(String(cause)));
  return usageError(
    `${use.code}.MODULE`,
    `${basename(file)} cannot be loaded${way ? `: ${way.reason}` : ''}.`,
    way && /\.[cm]?ts$/.test(file) ? `${way.change}, or ${withLoader(use)}` : use.fix(file),
    [String(cause)],
  );
}

const withLoader = ({ command }: ModuleUse) =>
  `use a loader (npm install --save-dev tsx): NODE_OPTIONS='--import tsx' ${command}`;

const ways = [
  {
    sign: /^ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX$/,
    reason: 'Node strips types, but does not compile enums, namespaces or parameter properties',
    change: 'Replace them (an enum with a const object)',
  },
  {
    sign: /Cannot use import statement outside a module|Unexpected token 'export'/,
    reason: 'the nearest package.json declares CommonJS',
    change: 'Remove "type": "commonjs" from it',
  },
  {
    sign: /does not provide an export named|Named export '.*' not found/,
    reason: 'it imports a type as a value',
    change: 'Use "import type" for types',
  },
  {
    sign: /^ERR_MODULE_NOT_FOUND$|^ERR_UNSUPPORTED_DIR_IMPORT$|^MODULE_NOT_FOUND$/,
    reason:
      'Node cannot resolve one of its imports (it ignores the paths of tsconfig.json and needs file extensions)',
    change: "Import the file by its relative path with its extension ('../tables.ts')",
  },
  {
    sign: /^ERR_INVALID_TYPESCRIPT_SYNTAX$|^SyntaxError\b/,
    reason: 'Node cannot parse it (types are supported, decorators and JSX are not)',
    change: 'Fix the syntax',
  },
];
