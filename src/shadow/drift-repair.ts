import * as z from 'zod';
import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { digest, openCache } from './cache.ts';
import type { Difference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { prefixKeys, withReplayer, type Wanted } from './replay-cache-key.ts';
import { replay } from './replay.ts';
import { inScratchTransaction, readWithFixedSettings } from '../catalog/snapshot.ts';
import { contentOf, planDdl, readPlannerCatalog, type PlannerCatalog } from '../ddl/pg-delta.ts';
import { UnplannableError } from '../ddl/unplannable.ts';
import type { Draft } from '../ddl/statement.ts';

/**
 * Returns SQL that changes differing objects of a live database to what its migrations create.
 * @returns statements in an order in which they can run; none for what the planner cannot change
 */
export async function repairsOf(
  session: Session,
  wanted: Wanted,
  differences: readonly Difference[],
): Promise<string[][]> {
  const live = await readWithFixedSettings(session, () => readPlannerCatalog(session)).catch(
    unlessRefused,
  );
  const drafts = live ? await plan(wanted, live) : [];
  const isOfRights = ({ sql }: Draft) => /^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) /.test(sql);
  const usable = drafts.filter((draft) => wanted.grants || !isOfRights(draft));
  return differences.map(({ change, object }) => {
    const place = placeOf(object);
    const isWhole = object.parent === '' && change === 'missing';
    const isAbout = ({ places: { subjects, others } }: Draft) =>
      subjects.includes(place) || (isWhole && others.includes(place));
    return usable.filter(isAbout).map(({ sql }) => sql);
  });
}

/** A role that may read the schema may lack privileges that the planner needs. */
function unlessRefused(error: unknown): undefined {
  if (codeOf(error) !== sqlstate.insufficientPrivilege) throw error;
}

const stored = z.array(
  z.object({
    sql: z.string(),
    lock: z.enum(['none', 'share', 'shareRowExclusive', 'shareUpdateExclusive', 'accessExclusive']),
    rewrites: z.boolean(),
    places: z.object({ subjects: z.array(z.string()), others: z.array(z.string()) }),
  }),
);

async function plan(wanted: Wanted, live: PlannerCatalog): Promise<Draft[]> {
  const cache = openCache(wanted.environment);
  const name = digest(['repairs', prefixKeys(wanted).at(-1), contentOf(live)]);
  const known = cache.read(name, stored);
  if (known) return known;
  const drafts = await withReplayer(wanted, async (shadow) => {
    await replay(shadow, wanted.migrations, wanted.format);
    const made = await inScratchTransaction(shadow, () => readPlannerCatalog(shadow));
    try {
      return planDdl(live, made, { rebuild: false });
    } catch (error) {
      if (error instanceof UnplannableError) return [];
      throw error;
    }
  });
  cache.write(name, drafts);
  return drafts;
}

/** Indexes and sequences are named by their schema, not by their table. */
function placeOf({ kind, schema, parent, name }: SchemaObject): string {
  const standsAlone = kind === 'index' || kind === 'sequence';
  return JSON.stringify([schema, standsAlone ? '' : parent, name]);
}
