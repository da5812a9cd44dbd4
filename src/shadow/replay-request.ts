import type { Scope } from '../catalog/ignored.ts';
import type { Session } from '../db/session.ts';
import type { Target } from '../db/target.ts';
import { formatOnConnection } from '../formats/connection-settings.ts';
import type { Folder } from '../formats/format.ts';
import type { Environment } from '../output/terminal.ts';
import { readTargetNames } from './target-names.ts';
import type { Wanted } from './replay-cache-key.ts';

/** What a replay takes from the context of a command. */
export interface ReplayContext {
  settings: {
    environment: Environment;
    scope: Scope;
    /** The server for shadow databases; absent: the embedded engine. */
    shadow?: Target | undefined;
  };
  signal: AbortSignal;
  progress: { update(line: string): void };
}

/**
 * Returns what a replay of any migrations of the folder needs. It is read from the server here, so that
 * a command that replays nothing does not read it.
 */
export async function replaySourceOf(
  { settings, signal }: Pick<ReplayContext, 'settings' | 'signal'>,
  session: Session,
  folder: Folder,
): Promise<Omit<Wanted, 'migrations'>> {
  return {
    format: await formatOnConnection(session, folder),
    targetNames: await readTargetNames(session),
    scope: settings.scope,
    environment: settings.environment,
    server: settings.shadow,
    signal,
  };
}

/** Returns the request to replay all migrations of a folder, with progress reported while it runs. */
export async function wantedFor(
  source: ReplayContext,
  session: Session,
  folder: Folder,
): Promise<Wanted> {
  const { migrations } = folder;
  return {
    ...(await replaySourceOf(source, session, folder)),
    migrations,
    onReplay: () =>
      source.progress.update(`replaying ${migrations.length} migrations in a shadow database`),
  };
}
