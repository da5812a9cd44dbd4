import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { usageError, type DbopsError } from '../../errors.ts';
import type { Direction } from '../../migration.ts';
import type { LoadModule } from '../format.ts';
import {
  downIsAbsent,
  importModule,
  isEmptyFunction,
  objectOf,
  withoutFunction,
} from '../shared/import-module.ts';
import { moduleConnection, type ModuleConnection } from '../shared/module-connection.ts';

/**
 * Loads `up(pgm)` or `down(pgm)` with the MigrationBuilder of the project's own node-pg-migrate
 * (`migration`, `migrationBuilder`). The module collects its statements, which are sent as one
 * message. Without a `down`, `up` is reversed, unless `down = false` forbids it.
 */
export const loadPgModule: LoadModule = async (file, direction, inherits = []) => {
  const tool = await installedTool(file);
  const actions = await actionsOf(file, tool);
  const before = await Promise.all(inherits.map((each) => actionsOf(each, tool)));
  const shorthands = Object.assign(
    {},
    ...[...before, actions].map((each) => objectOf(each['shorthands'])),
  );
  const { action, isReversed } = actionOf(actions, direction, file);
  const collect = async (db: Database) => {
    const pgm = new tool.MigrationBuilder(db, shorthands, false, silent);
    if (isReversed) pgm.enableReverseMode();
    await call(action, pgm);
    return pgm;
  };
  // A reversed module has no database, so that it can be tried before anything runs.
  if (isReversed)
    await collect(unreachable).catch((cause: unknown) => {
      throw notReversible(file, cause);
    });
  return {
    // Reversed, the function of the other direction is run.
    isEmpty: isEmptyFunction(action),
    noTransaction: asksForNone.test(String(action)),
    async run(session, inTransaction, opening) {
      const db = databaseOf(moduleConnection(session, inTransaction, opening && { opening }));
      const pgm = await collect(db);
      if (inTransaction && !pgm.isUsingTransaction()) throw new Error(tooLate);
      const steps = pgm.getSqlSteps();
      // The server runs several statements of one message as one transaction.
      if (!inTransaction) for (const step of steps) await db.query(step);
      else if (steps.length > 0) await db.query(steps.join('\n'));
    },
  };
};

/** The transaction starts before the module runs, so its text is searched for the call. */
const asksForNone = /\.noTransaction\s*\(/;
const tooLate =
  'The module calls noTransaction() inside a transaction: put "// dbops: no-transaction" on its first line.';

type MigrationFunction = (pgm: Builder, done?: () => void) => unknown;

/** The part of the tool's MigrationBuilder that the runner uses. */
interface Builder {
  enableReverseMode(): unknown;
  isUsingTransaction(): boolean;
  getSqlSteps(): string[];
}

interface Database {
  query(...query: readonly unknown[]): Promise<unknown>;
  select(...query: readonly unknown[]): Promise<unknown>;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const refuse = () => Promise.reject(new Error('a reversed module cannot query the database'));
const unreachable: Database = { query: refuse, select: refuse };

/** Returns `pgm.db`, over the connection and transaction of the run. */
function databaseOf(connection: ModuleConnection): Database {
  const query = async (config: string, values?: unknown[]) => connection.query(config, values);
  const select = async (config: string, values?: unknown[]) =>
    objectOf(await query(config, values))['rows'];
  return { query, select } as Database;
}

/** A function with two parameters calls the second when it is done (callback style). */
function call(action: MigrationFunction, pgm: Builder): unknown {
  return action.length === 2 ? new Promise<void>((done) => action(pgm, done)) : action(pgm);
}

function actionOf(
  actions: Record<string, unknown>,
  direction: Direction,
  file: string,
): { action: MigrationFunction; isReversed: boolean } {
  const isReversed = direction === 'down' && actions['down'] === undefined;
  const action = actions[isReversed ? 'up' : direction];
  if (typeof action === 'function') return { action: action as MigrationFunction, isReversed };
  throw withoutFunction(file, actions, { direction, parameter: 'pgm' });
}

function notReversible(file: string, cause: unknown): DbopsError {
  return usageError(
    downIsAbsent,
    `${basename(file)} has no down, and its up cannot be reversed; nothing was rolled back.`,
    `Add a function down(pgm) to the exports of ${file}.`,
    [String(cause)],
  );
}

/** Returns the exports of a module: named ones, or those of the default export. */
async function actionsOf(file: string, tool: Tool): Promise<Record<string, unknown>> {
  const loaded = await importModule(file).catch(async (error: unknown) => {
    // From version 9 on, the tool compiles modules that Node cannot load.
    if (!tool.jiti) throw error;
    return objectOf(await tool.jiti.import(file).catch(() => Promise.reject(error)));
  });
  return loaded['up'] === undefined ? objectOf(loaded['default']) : loaded;
}

interface Tool {
  MigrationBuilder: new (
    db: Database,
    shorthands: object,
    decamelize: boolean,
    logger: object,
  ) => Builder;
  jiti?: { import(file: string): Promise<unknown> };
}

/** @throws usage error when the project has no node-pg-migrate, or a version before 8 */
async function installedTool(file: string): Promise<Tool> {
  const path = resolveFrom(file);
  const tool = path === undefined ? {} : await importModule(path);
  if (isTool(tool)) return tool;
  throw usageError(
    'MIGRATION.NODE_PG_MIGRATE',
    path === undefined
      ? `node-pg-migrate is not installed for ${basename(file)}.`
      : `The node-pg-migrate of ${basename(file)} does not export its MigrationBuilder.`,
    path === undefined
      ? 'Install the dependencies of the project: npm install'
      : 'Install version 8 or newer: npm install node-pg-migrate',
    [file],
  );
}

function resolveFrom(file: string): string | undefined {
  try {
    return createRequire(file).resolve('node-pg-migrate');
  } catch {
    return undefined;
  }
}

function isTool(tool: object): tool is Tool {
  return 'MigrationBuilder' in tool && typeof tool.MigrationBuilder === 'function';
}
