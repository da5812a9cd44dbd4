import { inScratchTransaction } from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import type { Finding } from '../report.ts';
import { offlineRequest } from '../shadow/offline-request.ts';
import { withReplayer } from '../shadow/replay-cache-key.ts';
import { replay } from '../shadow/replay.ts';
import { inputOf } from './check-input.ts';
import type { VerifySettings } from './declaration.ts';
import type { Check } from './definition.ts';
import { runCatalogue } from './run-catalogue.ts';
import { ofTeam } from './team-objects.ts';

/**
 * Runs the static checks on a replay of all migrations of a folder, without its database.
 *
 * @throws DbopsError when a migration does not replay, or no shadow database can be used
 */
export async function findingsOfFolder(
  context: Pick<Context, 'settings' | 'signal' | 'progress'>,
  folder: Folder,
  checks: readonly Check[],
  settings: VerifySettings,
): Promise<Finding[]> {
  const wanted = await offlineRequest(context, folder);
  return withReplayer(wanted, async (shadow) => {
    await replay(shadow, wanted.migrations, wanted.format);
    return inScratchTransaction(shadow, () => staticFindings(shadow, folder, checks, settings));
  });
}

/** Runs the static checks on a replay, in the caller's transaction. */
export async function staticFindings(
  shadow: Session,
  folder: Folder,
  checks: readonly Check[],
  settings: VerifySettings,
): Promise<Finding[]> {
  const input = { ...inputOf(shadow, settings), isReplay: true };
  return runCatalogue(checks, input, await ofTeam(shadow, folder));
}
