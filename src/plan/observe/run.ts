import * as z from 'zod';
import type { Session } from '../../db/session.ts';
import { DbopsError } from '../../errors.ts';
import type { Migration } from '../../migration.ts';
import type { DumpContext } from '../../schema-dump/sources.ts';
import { digest, openCache } from '../../shadow/cache.ts';
import { isFaultOfFolder } from '../../shadow/replay-error.ts';
import type { MigrationObservation } from '../observation.ts';
import {
  copyOf,
  replayOf,
  type Basis,
  type ObservationRequest,
  type ShadowContent,
} from '../../schema-dump/shadow-basis.ts';
import { concernedObjects } from './concerned-objects.ts';
import { observeMigration } from './observe-migration.ts';
import { observerOf } from './observer.ts';

/** What pending migrations did in a shadow. */
export interface Observations {
  migrations: MigrationObservation[];
  basis: Basis;
  /** Why the shadow was not a copy of the schema of the database. */
  reason?: string;
}

/** Version of the cached values; incremented when their shape or meaning changes. */
const generation = 2;

/** The cache holds what this version of dbops wrote: its shape is in the key. */
const cachedShape = z.array(z.custom<MigrationObservation>((value) => typeof value === 'object'));

/**
 * Runs pending migrations on a copy of the schema of the database, and returns what their statements did.
 * A schema that cannot be copied is replaced by a replay of the applied migrations.
 *
 * @throws DbopsError naming the migration that fails on both
 */
export async function observePending(
  request: ObservationRequest,
  session: Session,
): Promise<Observations> {
  const { context } = request;
  try {
    return await observeOn(await copyOf({ ...request, concernedObjects }, session), request);
  } catch (error) {
    if (!(error instanceof DbopsError) || context.signal.aborted) throw error;
    const observed = await observeOn(await replayOf(request, session), request).catch(
      (second: unknown) => {
        throw second instanceof DbopsError && isFaultOfFolder(second) ? error : second;
      },
    );
    return { ...observed, reason: error.message };
  }
}

/** As `observePending`, without a database: the applied migrations are replayed. */
export async function observeOffline(request: ObservationRequest): Promise<Observations> {
  return observeOn(await replayOf(request), request);
}

async function observeOn(basis: Basis, request: ObservationRequest): Promise<Observations> {
  const { concerned } = basis;
  const observeIn = async (content: ShadowContent): Promise<Observations> => ({
    migrations: await observeCached(content, basis, request),
    basis,
  });
  if (!concerned) return observeIn(basis);
  return observeIn(concerned).catch((error: unknown) => {
    if (!(error instanceof DbopsError) || request.context.signal.aborted) throw error;
    return observeIn(basis);
  });
}

async function observeCached(
  { key: content, inShadow }: ShadowContent,
  basis: Basis,
  { context, pending }: ObservationRequest,
): Promise<MigrationObservation[]> {
  const cache = openCache(context.settings.environment);
  const key = digest(['observed', generation, content]);
  const known = cache.read(key, cachedShape);
  if (known) return known;
  const migrations = await inShadow((shadow) => observeAll(shadow, { context, pending, basis }));
  cache.write(key, migrations);
  return migrations;
}

interface Running {
  context: Pick<DumpContext, 'progress'>;
  pending: readonly Migration[];
  basis: Pick<Basis, 'format' | 'settings'>;
}

/** Observes migrations one after the other in a shadow. */
export async function observeAll(
  shadow: Session,
  { context, pending, basis: { format, settings } }: Running,
): Promise<MigrationObservation[]> {
  const observer = await observerOf(shadow);
  const found: MigrationObservation[] = [];
  for (const [at, migration] of pending.entries()) {
    context.progress.update(`observing ${migration.name} (${at + 1} of ${pending.length})`);
    found.push(await observeMigration({ shadow, observer, settings }, migration, format));
  }
  return found;
}
