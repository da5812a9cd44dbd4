import type { Context } from '../context.ts';
import type { Folder } from '../formats/format.ts';
import type { Finding } from '../report.ts';
import { locateFindings } from './locate.ts';

/** Returns findings on migrations with their files; those of nothing in the folder point to the configuration. */
export async function locateInProject(
  findings: readonly Finding[],
  { io, settings }: Pick<Context, 'io' | 'settings'>,
  { directory, migrations, format }: Pick<Folder, 'directory' | 'migrations' | 'format'>,
): Promise<Finding[]> {
  const { configFile } = settings;
  const surroundings = { cwd: io.cwd, configFile, directory, migrations, format };
  return (await locateFindings(findings, surroundings)).map(({ finding }) => finding);
}
