import type { Client } from 'pg';
import { codeOf } from '../../db/connection-error.ts';
import { ScriptError, type Session } from '../../db/session.ts';
import type { Format, LoadedModule } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import { commitsItself } from '../../runner/self-committing.ts';
import { MigrationError, sendFile, sendModule } from '../../runner/send-migration.ts';
import { sendInShadow, settingsOf } from '../../shadow/replay.ts';
import { offsetOfError } from '../../sql/error-position.ts';
import { splitParts, type Part } from '../../sql/execution.ts';
import { lineOf, splitStatements, SqlSyntaxError, type Statement } from '../../sql/statements.ts';
import type { MigrationObservation } from '../observation.ts';
import { knownLocksOf } from './known-locks.ts';
import type { Observed, Observer } from './observer.ts';

/** A shadow, and what observes it. */
export interface ObservedShadow {
  shadow: Session;
  observer: Observer;
  /** SQL of settings that the role has on the target database; may be empty. */
  settings: string;
}

/**
 * Runs a migration as `migrate up` would, in the same transactions, and returns what each statement
 * did. Leaves no transaction open when it fails.
 *
 * @throws DbopsError naming the file that fails; LostInReplay when the connection was lost
 */
export async function observeMigration(
  observed: ObservedShadow,
  migration: Migration,
  format: Format,
): Promise<MigrationObservation> {
  const { shadow, observer, settings } = observed;
  const sent = { migration, format, direction: 'up' as const };
  try {
    const { requiresBackfill } = await sendInShadow(
      shadow,
      { ...sent, settings: `${settingsOf(format)}; ${settings}` },
      {
        module: (module, noTransaction) => runModule(observed, module, noTransaction),
        file: (execution) =>
          sendFile(execution, format, {
            whole: (sql) => runWhole(observed, sql),
            byStatement: (text) => runByStatement(observed, text),
          }),
      },
    );
    return {
      migration: migration.name,
      file: migration.up.file,
      ...(requiresBackfill.length > 0 && { isAfterBackfill: true }),
      statements: observer.take(),
    };
  } catch (error) {
    observer.take();
    throw error;
  }
}

async function runWhole(observed: ObservedShadow, sql: string): Promise<void> {
  const { shadow, observer } = observed;
  await observer.begin();
  try {
    for (const statement of await statementsOf(sql)) await observeOne(observed, statement, sql);
    await shadow.script('COMMIT');
  } catch (error) {
    await observer.rollback(); // the file may be sent again, statement by statement
    throw error;
  }
}

/** A text that the parser of dbops does not know, such as syntax of a newer server, is one statement. */
async function statementsOf(sql: string): Promise<Pick<Statement, 'sql' | 'offset'>[]> {
  try {
    return await splitStatements(sql);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return [{ sql, offset: 0 }];
  }
}

async function observeOne(
  { shadow, observer }: ObservedShadow,
  { sql, offset }: Pick<Statement, 'sql' | 'offset'>,
  source: string,
): Promise<void> {
  const observed = { ...traitsOf(sql), line: lineOf(source, offset) };
  await observer
    .observe(observed, () => shadow.script(sql))
    .catch((error: unknown) => {
      if (!(error instanceof ScriptError)) throw error;
      const place = offset + (offsetOfError(error.cause, sql, 0) ?? 0);
      throw new MigrationError(error.cause, { sql: source, completed: 0, offset: place });
    });
}

function traitsOf(sql: string): Observed {
  return { sql, isWrite: /\b(?:insert|update|delete|merge)\b/i.test(sql) };
}

async function runByStatement(observed: ObservedShadow, source: string): Promise<void> {
  for (const part of await splitParts(source)) {
    const [first, another] = part.statements;
    if (first.standsAlone && !another) await runAlone(observed, first, source);
    else await runPart(observed, part, source);
  }
}

/** A part is a transaction, except a procedure or a block that commits itself. */
async function runPart(
  observed: ObservedShadow,
  { statements }: Part,
  source: string,
): Promise<void> {
  const { shadow, observer } = observed;
  const [first, another] = statements;
  await observer.begin();
  try {
    for (const statement of statements) await observeOne(observed, statement, source);
    await shadow.script('COMMIT');
  } catch (error) {
    await observer.rollback();
    if (another || !(error instanceof MigrationError) || codeOf(error.cause) !== commitsItself)
      throw error;
    await runAlone(observed, first, source);
  }
}

async function runAlone(
  { shadow, observer }: ObservedShadow,
  statement: Statement,
  source: string,
): Promise<void> {
  const { sql, offset } = statement;
  const known = await knownLocksOf(statement);
  const observed = {
    ...traitsOf(sql),
    ...known,
    line: lineOf(source, offset),
    notObserved: 'runs outside a transaction; its locks are those of the PostgreSQL manual',
  };
  await observer
    .observeAlone(observed, () => shadow.alone(sql))
    .catch((error: unknown) => {
      if (!(error instanceof ScriptError)) throw error;
      throw new MigrationError(error.cause, { sql: source, completed: 0, offset });
    });
}

async function runModule(
  observed: ObservedShadow,
  module: LoadedModule,
  noTransaction: boolean,
): Promise<void> {
  const { shadow, observer } = observed;
  const session = { ...shadow, client: listeningClient(observed) };
  if (noTransaction || module.noTransaction) {
    await module.run(session, false);
    return;
  }
  await observer.begin();
  await sendModule(session, module, { begin: [], end: 'COMMIT' });
}

/** Returns the client of a shadow whose queries are observed while a transaction is open. */
function listeningClient({ shadow, observer }: ObservedShadow): Client {
  const { client } = shadow;
  const query = (...given: Parameters<Client['query']>): unknown => {
    const run = async (): Promise<unknown> => Reflect.apply(client.query, client, given);
    const [config] = given as unknown[];
    const sql = textOf(config);
    if (sql === undefined || client.getTransactionStatus() !== 'T') return run();
    return observer.observe(traitsOf(sql), run);
  };
  return new Proxy(client, {
    get(target, key): unknown {
      if (key === 'query') return query;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Undefined for a cursor or a stream, which runs after it was returned. */
function textOf(config: unknown): string | undefined {
  if (typeof config === 'string') return config;
  if (typeof config !== 'object' || config === null || 'submit' in config) return undefined;
  return 'text' in config && typeof config.text === 'string' ? config.text : undefined;
}
