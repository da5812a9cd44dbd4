import type { Session } from '../db/session.ts';
import type { Fact } from './fact.ts';
import { createStatement, underName } from './statement.ts';

const expression = /\bCHECK \(|\bWHERE \(|USING \S+ \(.*\(/;

/**
 * Definitions after the server has parsed its own output once more. Only expressions change:
 * `varchar IN (…)` is spelled differently by a fresh parse and by a restored dump.
 *
 * Must run in a scratch transaction of a shadow that has the tables. What can't be made there, for
 * want of a table or a column, keeps its spelling.
 */
export async function reparse(shadow: Session, facts: readonly Fact[]): Promise<string[]> {
  const due = facts.filter(
    ({ kind, definition }) => kind !== 'table' && expression.test(definition),
  );
  const restored = new Map(
    [...due.entries()].map(([at, fact]) => [fact, { fact, name: `dbops_reparse_${at}` }]),
  );
  const definitions = await makeAndRead(shadow, [...restored.values()]);
  return facts.map((fact) => definitions.get(restored.get(fact)?.name ?? '') ?? fact.definition);
}

interface Scratch {
  fact: Fact;
  name: string;
}

/** All of them in two round trips; one by one when there is one among them that can't be made. */
async function makeAndRead(shadow: Session, scratch: Scratch[]): Promise<Map<string, string>> {
  if (scratch.length === 0) return new Map();
  await shadow.script('SAVEPOINT reparse');
  try {
    await shadow.script(scratch.map(makeStatement).join(';\n'));
    return await readBack(shadow, scratch);
  } catch {
    await shadow.script('ROLLBACK TO reparse');
    const definitions = new Map<string, string>();
    for (const each of scratch.length > 1 ? scratch : [])
      for (const [name, definition] of await makeAndRead(shadow, [each]))
        definitions.set(name, definition);
    return definitions;
  } finally {
    await shadow.script('ROLLBACK TO reparse');
  }
}

/** NOT VALID: rows of the shadow don't matter, and only a CHECK has an expression and knows it. */
function makeStatement({ fact, name }: Scratch): string {
  const statement = createStatement(fact, name);
  return fact.definition.startsWith('CHECK (') ? `${statement} NOT VALID` : statement;
}

type Row = { kind: Fact['kind']; name: string; definition: string };

async function readBack(shadow: Session, scratch: Scratch[]): Promise<Map<string, string>> {
  const rows = await shadow.query<Row>(
    `SELECT 'constraint' AS kind, conname AS name, pg_get_constraintdef(oid) AS definition
       FROM pg_constraint WHERE starts_with(conname, 'dbops_reparse_') AND conislocal
     UNION ALL SELECT 'index', relname, pg_get_indexdef(oid)
       FROM pg_class WHERE starts_with(relname, 'dbops_reparse_')`,
  );
  const read = new Map(rows.map((row) => [`${row.kind} ${row.name}`, row.definition]));
  return new Map(
    scratch.map(({ fact, name }) => {
      const definition = read.get(`${fact.kind} ${name}`)?.replace(/ NOT VALID$/, '');
      if (definition === undefined) return [name, fact.definition];
      return [name, fact.kind === 'index' ? underName(fact, definition, name) : definition];
    }),
  );
}
