import { UnplannableError } from '../../ddl/unplannable.ts';
import { revertCatalog, readState, RevertError } from '../../ddl/revert-catalog.ts';
import { lossesBetween, readStorage, type Loss } from '../../catalog/losses.ts';
import { withReplayer, type Wanted } from '../../shadow/replay-cache-key.ts';
import { prepare } from '../../shadow/replay.ts';
import { fullSnapshot, inScratchTransaction, fixedSettings } from '../../catalog/snapshot.ts';
import { replayTolerantly } from '../../shadow/tolerant-replay.ts';
import type { Session } from '../../db/session.ts';
import type { Diagnosis } from '../diagnose.ts';
import { differencesBetween, surroundingsOf, type Way } from './finish.ts';
import type { PartialStatement } from './statements.ts';

/** A way to nothing, and what goes with it. */
export interface WayBack extends Way {
  losses: Loss[];
}

/** Names in a derived statement are qualified; a function may be made before what it names. */
export const derivedSettings = `${fixedSettings}; SET LOCAL check_function_bodies = off`;

/**
 * The inverse of the statements that were run, derived from the schema before and after them,
 * with the proof: in a shadow that was brought to the half-run state it gives the catalog that was
 * there before the file.
 */
export async function planTakeBack(
  wanted: Wanted,
  diagnosis: Diagnosis,
  at: number,
  steps: readonly PartialStatement[],
): Promise<WayBack> {
  const { before, after } = surroundingsOf(wanted, diagnosis, at);
  const none = { statements: [], standsAlone: false, losses: [] };
  const [later] = after;
  if (later)
    return {
      ...none,
      doubts: [`${later.name} was applied after it, and may depend on it`],
    };
  const done = steps.filter(({ state }) => state === 'in').map((step) => step.migration);
  const strange = steps.filter(({ state }) => state === 'otherwise');
  if (strange.length > 0)
    return {
      ...none,
      doubts: strange.map(({ place }) => `${place} created an object that now differs`),
    };
  return withReplayer({ ...wanted, migrations: [...before, ...done] }, async (shadow) => {
    await prepare(shadow, wanted.format);
    for (const migration of before) await replayTolerantly(shadow, migration, wanted.format);
    const state = await inScratchTransaction(shadow, () => readState(shadow));
    const objects = await inScratchTransaction(shadow, () => fullSnapshot(shadow));
    for (const migration of done) await replayTolerantly(shadow, migration, wanted.format);
    return inScratchTransaction(shadow, () => derive(shadow, { state, objects }));
  });
}

interface Before {
  state: Awaited<ReturnType<typeof readState>>;
  objects: Awaited<ReturnType<typeof fullSnapshot>>;
}

async function derive(shadow: Session, { state, objects }: Before): Promise<WayBack> {
  await shadow.script(derivedSettings);
  const stored = await readStorage(shadow);
  try {
    const statements = (await revertCatalog(shadow, state, { rebuild: true })).map(
      ({ sql }) => sql,
    );
    const doubts = differencesBetween(objects, await fullSnapshot(shadow));
    const losses = lossesBetween(stored, await readStorage(shadow));
    return { statements, standsAlone: false, doubts, losses };
  } catch (error) {
    if (!(error instanceof UnplannableError || error instanceof RevertError)) throw error;
    return { statements: [], standsAlone: false, losses: [], doubts: [error.message] };
  }
}
