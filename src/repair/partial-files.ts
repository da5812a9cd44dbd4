import type { Wanted } from '../shadow/replay-cache-key.ts';
import type { Loss } from '../catalog/losses.ts';
import { backToOwnPath } from '../db/search-path.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { keep } from '../rescue/copy-rows.ts';
import { serverSays, shortened } from '../sql/error-position.ts';
import type { Before } from './apply.ts';
import type { Diagnosis } from './diagnose.ts';
import { expectShowing } from './partial/check.ts';
import { planFinish, type Way } from './partial/finish.ts';
import { statementsOf, type PartialStatement } from './partial/statements.ts';
import { derivedSettings, planTakeBack } from './partial/take-back.ts';

/** A half-run migration that somebody wants whole, or gone. */
export interface Mending {
  name: string;
  at: number;
  kind: 'finish' | 'take back';
  way: Way & { losses?: Loss[] };
}

interface Asked {
  folder: Folder;
  wanted: Wanted;
  diagnosis: Diagnosis;
}

/** The statements of every migration that is there in part, by its name. */
export async function stepsOfPartial({
  wanted,
  diagnosis,
}: Asked): Promise<Map<string, PartialStatement[]>> {
  const steps = new Map<string, PartialStatement[]>();
  for (const [at, { name, inCatalog, verdict, migration }] of diagnosis.judgements.entries()) {
    if (!migration || migration.isMissing) continue;
    if (inCatalog !== 'partial' && verdict !== 'partial' && verdict !== 'recorded-but-absent')
      continue;
    if (verdict === 'edited-changed' || verdict === 'edited-equivalent') continue;
    const found = await statementsOf(wanted, diagnosis, at);
    if (found) steps.set(name, found);
  }
  return steps;
}

/** @throws usage error when the migration is not one that could be mended so */
export async function planMending(
  asked: Asked,
  steps: ReadonlyMap<string, PartialStatement[]>,
  kind: Mending['kind'],
  name: string,
): Promise<Mending> {
  const at = asked.diagnosis.judgements.findIndex((each) => each.migration?.name === name);
  const found = steps.get(name);
  const judgement = asked.diagnosis.judgements[at];
  if (!judgement)
    throw usageError(
      'REPAIR.UNKNOWN',
      `Migration not found: ${name}`,
      'Use its full name; dbops repair-tracking lists them.',
    );
  if (!found) throw notMendable(judgement.name, judgement.inCatalog, judgement.migration?.up.kind);
  const plan = kind === 'finish' ? planFinish : planTakeBack;
  return { name, at, kind, way: await plan(asked.wanted, asked.diagnosis, at, found) };
}

function notMendable(name: string, inCatalog: string, kind: string | undefined): DbopsError {
  if (kind === 'module' && inCatalog === 'partial')
    return usageError(
      'REPAIR.MODULE',
      `${name} is a module that does not run in a shadow database, so its statements are unknown.`,
      `Apply what is missing by hand (dbops repair-tracking --verbose lists it), then: dbops repair-tracking --apply`,
    );
  return usageError(
    'REPAIR.NOT_PARTIAL',
    `${name} is not partly applied; the catalog shows: ${inCatalog}.`,
    'To see the verdict on each migration: dbops repair-tracking',
  );
}

/** @throws code 6 when no shadow has proven it */
export function refuseUnproven({ name, kind, way }: Mending): void {
  if (way.doubts.length === 0) return;
  throw new DbopsError({
    code: 'REPAIR.NOT_PROVEN',
    exitCode: exitCodes.desynchronised,
    message:
      kind === 'finish'
        ? `No shadow database proved that ${name} can be finished; nothing was changed.`
        : `No shadow database proved that ${name} can be rolled back; nothing was changed.`,
    reason: way.doubts,
    hint: `Finish it by hand, then: dbops repair-tracking; or record it as it is: dbops repair-tracking --assume ${name} --apply`,
  });
}

/** Runs the statements in the transaction that writes the rows. */
export function runWithin(asked: Asked, { at, kind, name, way }: Mending): Before {
  return async (session) => {
    if (kind === 'finish') {
      const path = asked.folder.format.platform?.searchPath ?? 'DEFAULT';
      await session.script(`SET LOCAL search_path TO ${path}`);
      for (const sql of way.statements) await session.script(sql);
      await session.script(backToOwnPath(session));
      return expectShowing(session, asked, at, 'all');
    }
    const { losses = [] } = way;
    const cause = { tracking: asked.folder.tracking.table, migration: name };
    await keep(session, { ...cause, direction: 'down' }, losses);
    // Settings that are LOCAL end with a transaction only: what they were is set again.
    const [before] = await session.query<{ path: string; check: string }>(
      `SELECT current_setting('search_path') AS path, current_setting('check_function_bodies') AS check`,
    );
    await session.script(derivedSettings);
    for (const sql of way.statements) await session.script(sql);
    await session.query(
      `SELECT set_config('search_path', $1, true), set_config('check_function_bodies', $2, true)`,
      [before?.path, before?.check],
    );
    return expectShowing(session, asked, at, 'nothing');
  };
}

/** Runs statements that cannot run in a transaction; those before a failing one remain applied. */
export async function runApart(session: Session, mending: Mending): Promise<void> {
  if (!session.isPooled) await session.script('SET search_path TO DEFAULT');
  try {
    await runEach(session, mending);
  } finally {
    if (!session.isPooled) await session.script(backToOwnPath(session)).catch(() => {});
  }
}

async function runEach(session: Session, { name, way }: Mending): Promise<void> {
  for (const [at, sql] of way.statements.entries())
    await session.alone(sql).catch((error: unknown) => {
      const cause = error instanceof ScriptError ? error.cause : error;
      throw new DbopsError({
        code: 'REPAIR.FAILED',
        exitCode: exitCodes.failed,
        message: `Statement ${at + 1} of the ${way.statements.length} missing ones of ${name} failed; those before it remain applied.`,
        reason: [...serverSays(cause), shortened(sql)],
        hint: `To see what is still missing: dbops repair-tracking --finish ${name}`,
        cause,
      });
    });
}
