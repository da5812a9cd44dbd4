import type { Context } from '../context.ts';
import type { Folder } from '../formats/format.ts';
import type { Finding } from '../report.ts';
import { offlineRequest } from '../shadow/offline-request.ts';
import { findingsAgainstBase, type BaseChoice } from './base.ts';
import { findingsOfFiles } from './files.ts';
import { findingsOfReplay } from './replay.ts';

/** What `dbops check` found, and what it checked. */
export interface Checked {
  findings: Finding[];
  /** Migrations of the folder. */
  migrations: number;
  /** Of these, how many were replayed, and how many of their down migrations were proven. */
  replayed: number;
  downs: number;
  base: BaseChoice | undefined;
}

type CheckContext = Pick<Context, 'settings' | 'signal' | 'progress'>;

/**
 * Checks a folder without a database. The replay is left out where the files already show that it fails.
 *
 * @throws DbopsError when git cannot read the base, or no shadow database can be used
 */
export async function checkFolder(
  context: CheckContext,
  folder: Folder,
  base: BaseChoice | undefined,
): Promise<Checked> {
  const { settings, progress } = context;
  const files = await findingsOfFiles(folder);
  const against = base ? await findingsAgainstBase(folder, base, settings.trackingTable) : [];
  const isReadable = files.every(
    ({ severity, code }) => severity !== 'error' || code === 'duplicate',
  );
  const replayed = isReadable
    ? await findingsOfReplay(await offlineRequest(context, folder), (name) =>
        progress.update(`replaying ${name} in a shadow database`),
      )
    : { findings: [], replayed: 0, downs: 0 };
  const known = new Set(files.map(({ key }) => key));
  return {
    ...replayed,
    findings: [...files, ...against.filter(({ key }) => !known.has(key)), ...replayed.findings],
    migrations: folder.migrations.length,
    base,
  };
}
