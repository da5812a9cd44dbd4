import { Console } from 'node:console';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { usageError, type DbopsError } from '../../errors.ts';
import type { Direction } from '../../migration.ts';

/**
 * What a module exports, loaded by Node itself: types are stripped, nothing is compiled.
 *
 * @throws usage error when it can't be loaded
 */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  globalThis.console = stderrConsole;
  try {
    return await evaluate(file);
  } catch (cause) {
    throw notLoaded(file, cause);
  }
}

const require = createRequire(import.meta.url);

/** `require` loads ECMAScript modules too, in half the time of `import`, unless they await something. */
async function evaluate(file: string): Promise<Record<string, unknown>> {
  try {
    return require(file);
  } catch (error) {
    if (objectOf(error)['code'] !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(pathToFileURL(file).href);
  }
}

/** A migration's own function; named, or in an object that is the default export. */
export function functionOf(
  loaded: Record<string, unknown>,
  direction: Direction,
): ((db: unknown) => unknown) | undefined {
  const own = [loaded, objectOf(loaded['default'])].map((each) => each[direction]);
  return own.find((each) => typeof each === 'function') as ((db: unknown) => unknown) | undefined;
}

export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** For what the code of a project prints: stdout is the report's, which may be JSON. */
const stderrConsole = new Console(process.stderr);

/** How far Node gets with a file by itself is not far enough for every project. */
function notLoaded(file: string, cause: unknown): DbopsError {
  const code = String(objectOf(cause)['code'] ?? '');
  const way = ways.find(({ sign }) => sign.test(code) || sign.test(String(cause)));
  return usageError(
    'MIGRATION.MODULE',
    `${basename(file)} can not be loaded${way ? `: ${way.reason}` : ''}.`,
    way && /\.[cm]?ts$/.test(file) ? `${way.change}, or ${withLoader}` : `Correct ${file}.`,
    [String(cause)],
  );
}

const withLoader =
  "let a loader do it (npm install --save-dev tsx): NODE_OPTIONS='--import tsx' dbops migrate up";

const ways = [
  {
    sign: /^ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX$/,
    reason: 'Node strips types, but does not compile enums, namespaces and parameter properties',
    change: 'Write it without them (a const object in place of an enum)',
  },
  {
    sign: /Cannot use import statement outside a module|Unexpected token 'export'/,
    reason: 'the nearest package.json says that it is CommonJS',
    change: 'Remove "type": "commonjs" there',
  },
  {
    sign: /does not provide an export named|Named export '.*' not found/,
    reason: 'it imports a type as if it were a value',
    change: 'Write "import type" for what is only a type',
  },
  {
    sign: /^ERR_MODULE_NOT_FOUND$|^ERR_UNSUPPORTED_DIR_IMPORT$|^MODULE_NOT_FOUND$/,
    reason:
      'Node finds no file for one of its imports (it knows no paths of tsconfig.json, and asks for the ending)',
    change: "Import the file by its relative path and with its ending ('../tables.ts')",
  },
  {
    sign: /^ERR_INVALID_TYPESCRIPT_SYNTAX$|^SyntaxError\b/,
    reason: 'Node can not parse it (it knows types, and neither decorators nor JSX)',
    change: 'Correct it',
  },
];
