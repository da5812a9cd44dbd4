import type { Session } from '../db/session.ts';
import type { Migration } from '../migration.ts';
import { quoteIdentifier as q } from '../db/quote.ts';
import type { ExpectedFact, Fact } from './fact.ts';
import { replay, type Replayed } from './replay.ts';
import { readCatalog, type CatalogRow } from './snapshot.ts';

/**
 * Replays migrations in a shadow and reads what they make. Which migration made an object is not
 * recorded anywhere, but every catalog row carries the transaction that wrote it (`xmin`).
 */
export async function expectedFacts(
  shadow: Session,
  migrations: readonly Migration[],
): Promise<ExpectedFact[]> {
  const replayed = await replay(shadow, migrations);
  return inScratchTransaction(shadow, async () => {
    const facts: ExpectedFact[] = [];
    for (const row of await readCatalog(shadow)) {
      const { oid: _oid, xid: _xid, ...fact } = row;
      facts.push({
        ...fact,
        migration: makerOf(row, replayed),
        restored: await reparse(shadow, fact),
      });
    }
    return facts;
  });
}

function makerOf({ xid }: CatalogRow, replayed: readonly Replayed[]): string {
  const maker = replayed.find(({ endXid }) => xid !== null && xid < endXid);
  return maker?.name ?? '';
}

/** Runs `work` in a transaction that is always rolled back. */
export async function inScratchTransaction<T>(
  session: Session,
  work: () => Promise<T>,
): Promise<T> {
  await session.script('BEGIN');
  try {
    return await work();
  } finally {
    await session.script('ROLLBACK');
  }
}

const expression = /\bCHECK \(|\bWHERE \(|USING \w+ \(.*\(/;

/**
 * The definition after the server has parsed its own output once more. Only expressions change:
 * `varchar IN (…)` is spelled differently by a fresh parse and by a restored dump.
 */
export async function reparse(shadow: Session, fact: Fact): Promise<string> {
  if (fact.kind === 'table' || !expression.test(fact.definition)) return fact.definition;
  const scratch = 'dbops_reparse';
  const table = `${q(fact.schema)}.${q(fact.table)}`;
  const isConstraint = fact.kind === 'constraint';
  const create = isConstraint
    ? `ALTER TABLE ${table} ADD CONSTRAINT ${scratch} ${fact.definition} NOT VALID`
    : fact.definition.replace(/ INDEX .+? ON /, ` INDEX ${scratch} ON `);
  const read = isConstraint
    ? `SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = '${scratch}'`
    : `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indexrelid = (SELECT oid FROM pg_class WHERE relname = '${scratch}')`;
  await shadow.script('SAVEPOINT reparse');
  try {
    await shadow.script(create);
    const [row] = await shadow.query<{ definition: string }>(read);
    const definition = row?.definition.replace(/ NOT VALID$/, '') ?? fact.definition;
    return isConstraint
      ? definition
      : definition.replace(` INDEX ${scratch} ON `, nameInDefinition(fact.definition));
  } catch {
    return fact.definition; // the table or a column is not there: different in any spelling
  } finally {
    await shadow.script('ROLLBACK TO reparse');
  }
}

function nameInDefinition(definition: string): string {
  return / INDEX .+? ON /.exec(definition)?.[0] ?? '';
}
