import { readOnly, type Session } from '../db/session.ts';
import { diff, type Delta } from './diff.ts';
import { withExpectation, type Wanted } from './expectation.ts';
import { keyOf, type Fact } from './fact.ts';
import { platformSchemas } from './platform.ts';
import { pinned, snapshot } from './snapshot.ts';

/**
 * The live catalog against what the migrations make. It is read while the shadow replays: neither
 * waits for the other.
 *
 * Of a platform's own schemas, only what migrations make there is compared: what else is in them
 * changes with the platform.
 *
 * @param toolTables left out: some tools keep their records among the tables of the application
 */
export async function compare(
  session: Session,
  wanted: Wanted,
  toolTables: readonly string[],
): Promise<Delta[]> {
  const reading = readPinned(session, async () => {
    const platforms = await platformSchemas(session, wanted.format);
    return { platforms: new Set(platforms), all: await snapshot(session) };
  });
  reading.catch(() => {}); // a replay that fails first is what is told
  const isTools = ({ schema, table }: Fact) => toolTables.includes(`${schema}.${table}`);
  return withExpectation(wanted, async ({ facts, sameMeaning }) => {
    const made = new Set(facts.map(keyOf));
    const { platforms, all } = await reading;
    const isWanted = (fact: Fact) => !platforms.has(fact.schema) || made.has(keyOf(fact));
    const live = all.filter((fact) => !isTools(fact) && isWanted(fact));
    return diff(facts, live, sameMeaning);
  });
}

/** Runs `work` read only and independent of the database's defaults: names are qualified. */
export function readPinned<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return readOnly(session, async () => {
    // Rows that a policy hides would be counted as missing; the server refuses the query instead.
    await session.script(`${pinned}; SET LOCAL row_security = off`);
    return work();
  });
}
