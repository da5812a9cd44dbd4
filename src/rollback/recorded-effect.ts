import {
  planDdl,
  readPlannerCatalog,
  withoutForeign,
  type Foreign,
  type PlannerCatalog,
} from '../ddl/pg-delta.ts';
import type { Session } from '../db/session.ts';
import { inScratchTransaction } from '../catalog/snapshot.ts';
import { readStorage } from '../catalog/losses.ts';
import type { Migration } from '../migration.ts';
import { withReplayer, type Wanted } from '../shadow/replay-cache-key.ts';
import { replay } from '../shadow/replay.ts';

/** A table of the live database. */
export interface LiveTable {
  schema: string;
  name: string;
}

export interface EffectQuestion extends Wanted {
  /** The migrations that were applied before it, in order. */
  before: readonly Migration[];
  live: { facts: PlannerCatalog; foreign: Foreign };
  /** Tables that the migration did not create, if those before it did not either. */
  strangers: readonly LiveTable[];
}

/**
 * Returns SQL that does to the schema what the newest applied migration did: the difference between
 * the migrations before it, replayed in a shadow, and the live database. It contains no changes of rows.
 *
 * @throws DbopsError when the migrations before it do not replay; UnplannableError
 */
export function effectInCatalog(question: EffectQuestion): Promise<string> {
  const { before, format, live, strangers } = question;
  return withReplayer(
    question,
    async (shadow) => {
      await replay(shadow, before, format);
      const now = await inScratchTransaction(shadow, () => readPlannerCatalog(shadow));
      const target = withoutForeign(
        live.facts,
        now,
        await foreignTo(shadow, live.foreign, strangers),
      );
      const statements = planDdl(now, target, { rebuild: false }).map(({ sql }) => sql);
      return statements.length > 0 ? statements.join(';\n') : 'SELECT';
    },
    { allRoles: true },
  );
}

/** Adds what the shadow lacks: the tables, and the schemas that a tool created for its tracking table. */
async function foreignTo(
  shadow: Session,
  foreign: Foreign,
  strangers: readonly LiveTable[],
): Promise<Foreign> {
  const known = new Set([...(await readStorage(shadow)).values()].map(pathOf));
  const tables = [...foreign.tables, ...strangers.map(pathOf).filter((path) => !known.has(path))];
  const rows = await shadow.query<{ name: string }>('SELECT nspname AS name FROM pg_namespace');
  const schemas = new Set(rows.map(({ name }) => name));
  const missing = tables.map((path) => path.slice(0, path.indexOf('.')));
  return {
    ...foreign,
    tables,
    schemas: [...foreign.schemas, ...missing.filter((schema) => !schemas.has(schema))],
  };
}

function pathOf({ schema, name }: LiveTable): string {
  return `${schema}.${name}`;
}
