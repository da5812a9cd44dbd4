import { types, type QueryResult } from 'pg';
import { firstOfUser } from '../catalog/kinds/kind.ts';
import type { Session } from '../db/session.ts';

/** What a session has prepared for the planner, by the text of the query. */
interface PreparedNames {
  prefix: string;
  names: Map<string, string>;
}

const prepared = new WeakMap<Session, PreparedNames>();
let generation = 0;

/**
 * Returns a pool of one connection for the planner; skips transaction control in an open transaction.
 *
 * The queries of an embedded shadow are prepared: it is read again and again, and to plan a query takes
 * as long as to run it.
 */
export async function poolOf(session: Session) {
  const { client } = session;
  const names = session.server.kind === 'pglite' ? await preparedIn(session) : undefined;
  const isOpen = client.getTransactionStatus() === 'T';
  const skipped = { rows: [] } as unknown as QueryResult;
  const query = async (text: string, values?: unknown[]) => {
    if (isOpen && isControl(text)) return skipped;
    const name = names && !values && isRead(text) ? { name: nameOf(text, names) } : {};
    // The planner expects pg's default parsers.
    return client.query({ text: rewriteQuery(text), ...name, ...(values && { values }), types });
  };
  return { connect: async () => ({ query, release: () => {} }) };
}

const isControl = (text: string) => /^(?:BEGIN|COMMIT|ROLLBACK)\b/.test(text);
const isRead = (text: string) => /^\s*(?:SELECT|WITH)\b/.test(text);

/**
 * Returns a query of the planner in a form that does the same in half the time. The server calls
 * `obj_description` and `col_description` once for each object, although they are one SELECT (server
 * sources, `system_functions.sql`). The query of the dependencies spells the arguments of all
 * functions of the server, of which `endpoints` refers to a few, and reads what its own views depend
 * on, which the planner drops because it does not plan them.
 */
export function rewriteQuery(text: string): string {
  return text
    .replace(description, (_, id: string, catalog: string) => descriptionOf(id, catalog, '0'))
    .replace(columnDescription, (_, id: string, number: string) =>
      descriptionOf(id, 'pg_class', number),
    )
    .replace(allFunctions, `$& AND pp.oid IN (${mentioned})`)
    .replace(allDependencies, `$& AND ${isOfUser}`);
}

const description = /\bobj_description\((\w+\.\w+), '(\w+)'\)/g;
const columnDescription = /\bcol_description\((\w+\.\w+), (\w+\.\w+)\)/g;
const allFunctions = /\bWHERE pp\.prokind IN \('f','p','a','w'\)/;
const allDependencies = /(?<=\bFROM pg_depend d\s+)WHERE d\.deptype IN \('n', 'a'\)/;
/**
 * A bare comparison would have the server expect no row, because its statistics know its own objects
 * only, and join by nested loops, which takes four times as long.
 */
const isOfUser = `CASE WHEN d.objid >= ${firstOfUser} THEN true ELSE false END`;
const mentioned = `SELECT objid FROM endpoints WHERE classid = 'pg_catalog.pg_proc'::regclass`;

function descriptionOf(id: string, catalog: string, part: string): string {
  return `(SELECT said.description FROM pg_catalog.pg_description said WHERE said.objoid = ${id}
    AND said.classoid = 'pg_catalog.${catalog}'::regclass AND said.objsubid = ${part})`;
}

/** A migration may DISCARD or DEALLOCATE what is prepared, and pg never prepares a name twice. */
async function preparedIn(session: Session): Promise<PreparedNames> {
  const known = prepared.get(session) ?? newNames();
  const [row] = await session.query<{ count: number }>(
    'SELECT count(*)::int FROM pg_prepared_statements WHERE starts_with(name, $1)',
    [known.prefix],
  );
  const current = row?.count === known.names.size ? known : newNames();
  prepared.set(session, current);
  return current;
}

function newNames(): PreparedNames {
  return { prefix: `dbops_planner_${generation++}_`, names: new Map() };
}

function nameOf(text: string, { prefix, names }: PreparedNames): string {
  const name = names.get(text) ?? `${prefix}${names.size}`;
  names.set(text, name);
  return name;
}
