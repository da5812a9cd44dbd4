import type { Client, QueryConfig } from 'pg';
import { withReplayer, type Wanted } from '../../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../../shadow/replay-error.ts';
import { prepare, replayOne } from '../../shadow/replay.ts';
import { replayTolerantly } from '../../shadow/tolerant-replay.ts';
import { changesData } from '../../sql/changes-data.ts';

/** A statement that a module sends. */
export interface Sent {
  sql: string;
  /** Its values travel apart: only the module has them, and the statement cannot be sent without them. */
  hasValues: boolean;
}

/**
 * What a module sends to the server, in order, but for what it only reads: nobody can tell from its
 * text, so it is run in a shadow that has the migrations before it.
 *
 * @returns nothing where it does not run there
 */
export async function statementsOfModule(wanted: Wanted, at: number): Promise<Sent[] | undefined> {
  const { format } = wanted;
  const migrations = wanted.migrations.slice(0, at + 1);
  const migration = migrations[at];
  if (!migration) return undefined;
  let sent: Sent[] = [];
  try {
    await withReplayer({ ...wanted, migrations }, async (shadow) => {
      sent = [];
      await prepare(shadow, format);
      for (const each of migrations.slice(0, at)) await replayTolerantly(shadow, each, format);
      const client = listening(shadow.client, (statement) => sent.push(statement));
      await replayOne({ ...shadow, client }, migration, format);
    });
  } catch (error) {
    if (isFaultOfFolder(error)) return undefined;
    throw error;
  }
  const changing = await Promise.all(sent.map(isChange));
  return sent.filter((_, index) => changing[index]);
}

async function isChange({ sql }: Sent): Promise<boolean> {
  return !/^\s*(?:select|with|show|values)\b/i.test(sql) || changesData(sql);
}

/** Returns the client so that `tell` receives each statement sent through it. */
function listening(client: Client, tell: (statement: Sent) => void): Client {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'query') return value.bind(target);
      return (config: QueryConfig | string, ...rest: unknown[]): unknown => {
        const { text, values = [] } = typeof config === 'string' ? { text: config } : config;
        if (typeof text === 'string') tell({ sql: text, hasValues: values.length > 0 });
        return Reflect.apply(value, target, [config, ...rest]);
      };
    },
  });
}
