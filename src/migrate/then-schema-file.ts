import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { RunData } from '../documents.ts';
import type { Folder } from '../formats/format.ts';
import type { Report } from '../report.ts';

/** What a run of migrations leaves to write. */
interface AfterRun {
  context: Context;
  session: Session;
  folder: Folder;
  flags: { schemaFile: boolean };
}

/** Returns the report of a run, after writing the `schemaFile` of the configuration where there is one. */
export async function thenSchemaFile(
  { flags, ...request }: AfterRun,
  report: Report<RunData>,
): Promise<Report<RunData>> {
  if (request.context.settings.schemaFile === undefined || !flags.schemaFile) return report;
  const { withSchemaFile } = await import('../schema-dump/schema-file.ts');
  return withSchemaFile(request, report);
}
