import { expectedOf, type Surroundings } from '../../catalog/scope.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import { fullSnapshot, readWithFixedSettings } from '../../catalog/snapshot.ts';
import type { Context } from '../../context.ts';
import type { Session } from '../../db/session.ts';
import type { Folder } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import { readApplied } from '../../runner/tracking-state.ts';
import { replaySourceOf } from '../../shadow/replay-request.ts';
import { withReplayer } from '../../shadow/replay-cache-key.ts';
import { findPrefix, type BaselineProof } from './baseline.ts';
import { alreadyTracked } from './report.ts';

/** @throws usage error when the table has rows */
export async function assertNothingTracked(session: Session, folder: Folder): Promise<void> {
  const { applied, findings } = await readApplied(session, folder);
  if (applied.length + findings.length > 0)
    throw alreadyTracked(folder.tracking.table, applied.length);
}

/** Returns the whole catalog of the database. */
export function readLive(session: Session): Promise<SchemaObject[]> {
  return readWithFixedSettings(session, () => fullSnapshot(session));
}

/**
 * Returns the catalog as text, which is equal for equal catalogs: sorted, because the server returns
 * rows in any order, and without the tables of the tool, because taking its lock may create them.
 */
export function textOfCatalog(
  objects: readonly SchemaObject[],
  surroundings: Surroundings,
): string {
  return expectedOf(objects, surroundings)
    .map((object) => JSON.stringify(object))
    .toSorted()
    .join('\n');
}

interface ProofRequest {
  migrations: readonly Migration[];
  live: readonly SchemaObject[];
  surroundings: Surroundings;
}

/** Milliseconds: every file is replayed, and the whole catalog is read about ten times. */
const timeLimit = 600_000;

/** Replays the folder in a shadow, and returns which of its prefixes produce exactly the live catalog. */
export async function proveBaseline(
  context: Context,
  session: Session,
  folder: Folder,
  asked: ProofRequest,
): Promise<BaselineProof> {
  const { migrations } = asked;
  const onReplay = ({ name }: Migration, at: number) =>
    context.progress.update(`replaying ${at + 1} of ${migrations.length} in a shadow: ${name}`);
  const source = await replaySourceOf(context, session, folder);
  const { format } = source;
  return withReplayer({ ...source, migrations, timeLimit }, (shadow) =>
    findPrefix({ ...asked, shadow, format, onReplay }),
  );
}
