import type { Session } from '../db/session.ts';
import type { DeclaredPart } from '../declared/prepare.ts';
import { assertTable, bindSet, calledFunctions } from './bind.ts';
import { readCatalog, type SeedCatalog, type SeedTable } from './catalog.ts';
import { prepareSets, type PreparedSet } from './choose.ts';
import type { ParsedSeeds } from './definition.ts';
import { generatorOf } from './distributions.ts';
import { prepareSql, type SqlOfRow } from './evaluate.ts';
import { typeOf } from './plan.ts';
import { tableOf, type SeedSet } from './resolve.ts';
import { bindScale } from './scale.ts';

type WithTable = Exclude<PreparedSet, { kind: 'code' }>;

interface Prepared {
  now: Date;
  sets: readonly WithTable[];
  catalog: SeedCatalog;
  /** The tables that exist, by set. */
  tables: ReadonlyMap<string, SeedTable>;
}

/**
 * Returns one preparation for each set of rows: its table, its columns, the unique index of its key, its
 * references and its SQL are resolved.
 *
 * @param root the folder of the configuration
 * @throws usage error for what is wrong without a database, such as a reference to nothing
 */
export async function seedPreparations(seeds: ParsedSeeds, root: string): Promise<DeclaredPart[]> {
  const now = new Date();
  const all = await prepareSets(seeds, { root, now });
  const sets = all.flatMap((set) => (set.kind === 'code' ? [] : [set]));
  let reading: Promise<Prepared> | undefined;
  return sets.map((set) => ({
    key: `seeds.${set.name}`,
    async prepare(session) {
      reading ??= readTables(session, sets, now);
      await prepareSet(session, set, await reading);
    },
  }));
}

async function readTables(
  session: Session,
  sets: readonly WithTable[],
  now: Date,
): Promise<Prepared> {
  const names = sets.map((each) =>
    each.kind === 'rows' ? each.set.table : tableOf(each.set.table, `seeds.${each.name}`),
  );
  const rowsSets = sets.flatMap((each) => (each.kind === 'rows' ? [each.set] : []));
  const catalog = await readCatalog(session, names, calledFunctions(rowsSets), []);
  const tables = sets.flatMap(({ name }, at) => {
    const table = catalog.tables[at];
    return table ? [[name, table] as const] : [];
  });
  return { now, sets, catalog, tables: new Map(tables) };
}

async function prepareSet(session: Session, each: WithTable, prepared: Prepared): Promise<void> {
  const { name } = each;
  const label = each.kind === 'rows' ? each.set.label : each.set.table;
  const table = assertTable({ name, label }, prepared.tables.get(name));
  const values =
    each.kind === 'rows' ? sqlOfRows(each.set, prepared) : sqlOfScale(each, table, prepared);
  for (const value of values) await prepareSql(session, value);
}

/** Returns the SQL of a set of rows. @throws usage error for a column, a key or a reference that does not fit */
function sqlOfRows(set: SeedSet, { tables, catalog }: Prepared): SqlOfRow[] {
  const bound = bindSet(set, tables, catalog);
  return set.rows.flatMap(({ place, values }) =>
    [...values].flatMap(([column, value]) =>
      value.kind === 'sql'
        ? [{ place: `${place}.${column}`, sql: value.sql, ...typeOf(bound, column) }]
        : [],
    ),
  );
}

/** Returns the SQL of a set of generated rows. @throws usage error also for a text that is no distribution */
function sqlOfScale(
  { name, set }: Extract<WithTable, { kind: 'scale' }>,
  table: SeedTable,
  { tables, now }: Prepared,
): SqlOfRow[] {
  const { rows, columns } = bindScale(name, set, { table, tables });
  return columns.flatMap(({ column: { isJson, isInteger }, value, place }) => {
    if (value.kind === 'sql') return [{ place, sql: value.sql, isJson }];
    const json: unknown = value.kind === 'json' ? JSON.parse(value.json) : undefined;
    if (typeof json === 'string') generatorOf(json, { place, rows, now, isInteger });
    return [];
  });
}
