import { relative } from 'node:path';
import type { Context } from '../context.ts';
import { readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import type { RunData } from '../documents.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { shellWord } from '../output/shell.ts';
import { text, type Report } from '../report.ts';
import { dumpOf } from './dump.ts';
import { writeSchemaFile } from './file.ts';
import { readLive } from './sources.ts';

interface SchemaFileRequest {
  context: Context;
  session: Session;
  folder: Folder;
}

/**
 * Writes the schema to the `schemaFile` of the configuration after migrations were run without an error. A
 * production or protected database is deployed to, so its schema is not written to a working copy.
 *
 * @param report on the migrations
 * @returns the same with what was written, or with the error
 */
export async function withSchemaFile(
  request: SchemaFileRequest,
  report: Report<RunData>,
): Promise<Report<RunData>> {
  const { context, session } = request;
  const { schemaFile } = context.settings;
  if (schemaFile === undefined || report.error) return report;
  const file = relative(context.io.cwd, schemaFile);
  const { isProtected, name } = await readLabel(session);
  if (isProtected || name === 'production') {
    context.note(`${file} is not written from a ${name ?? 'protected'} database`);
    return report;
  }
  try {
    const isChanged = await write(request, schemaFile);
    return {
      ...report,
      data: { ...report.data, schemaFile: { file, changed: isChanged } },
      blocks: [
        ...report.blocks,
        text(`✓ ${file} ${isChanged ? 'written' : 'is up to date'}`, 'good'),
      ],
    };
  } catch (error) {
    return withError(report, file, error);
  }
}

async function write(
  { context, session, folder }: SchemaFileRequest,
  schemaFile: string,
): Promise<boolean> {
  const dump = await dumpOf(context, await readLive(context, session, folder), true);
  return writeSchemaFile(schemaFile, dump.text);
}

/** Whatever went wrong, the report on the migrations is kept. */
function withError(report: Report<RunData>, file: string, cause: unknown): Report<RunData> {
  const known = cause instanceof DbopsError ? cause : undefined;
  const error = new DbopsError({
    code: known?.code ?? 'SCHEMA.FAILED',
    exitCode: known?.exitCode ?? exitCodes.failed,
    message: `The migrations were run, but ${file} was not written. ${messageOf(cause)}`,
    reason: known ? [...known.reason, known.hint] : [],
    hint: `Correct the cause, then run: dbops schema dump ${shellWord(file)}. To run migrations without the file: --no-schema-file`,
    cause,
  });
  return {
    ...report,
    exitCode: error.exitCode,
    data: { ...report.data, schemaFile: { file, changed: false } },
    error,
  };
}
