import { differencesOf, type Difference } from '../catalog/differences.ts';
import { describeChange } from '../catalog/describe.ts';
import { expectedOf } from '../catalog/scope.ts';
import { objectName } from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { RunData, SchemaChangesDocument } from '../documents.ts';
import { DbopsError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { text, type Block, type Report } from '../report.ts';
import { changesOf } from '../rollback/describe.ts';
import { snapshotsAfter } from '../shadow/expected-catalog.ts';
import { replaySourceOf } from '../shadow/replay-request.ts';

/** What pending migrations change in the schema, or why that is not known. */
export type SchemaChanges = { changes: Difference[] } | { unknown: DbopsError };

interface ChangeRequest {
  context: Context;
  session: Session;
  folder: Folder;
  /** In the order in which they were run. */
  applied: readonly Migration[];
  /** In the order in which they will run. */
  pending: readonly Migration[];
}

/**
 * Returns how the schema after the pending migrations differs from the one before, from a replay in a
 * shadow database. The expected objects are those after the migrations.
 */
export async function foreseeChanges({
  context,
  session,
  folder,
  applied,
  pending,
}: ChangeRequest): Promise<SchemaChanges> {
  const { progress, settings, signal } = context;
  const migrations = [...applied, ...pending];
  const wanted = {
    ...(await replaySourceOf(context, session, folder)),
    migrations,
    grants: true,
    onReplay: () =>
      progress.update(`replaying ${migrations.length} migrations in a shadow database`),
  };
  try {
    const [before = [], after = []] = await snapshotsAfter(wanted, [
      applied.length,
      migrations.length,
    ]);
    const around = {
      toolTables: folder.tracking.tables,
      otherTables: [],
      platformSchemas: [],
      extensions: [],
      scope: settings.scope,
      given: new Set<string>(),
    };
    // Both were read from one replay, so a text that differs is a change.
    const judge = async (doubts: readonly unknown[]) => doubts.map(() => false);
    const [old, fresh] = [expectedOf(before, around), expectedOf(after, around)];
    return { changes: await differencesOf(fresh, old, judge, { all: true }) };
  } catch (error) {
    if (!(error instanceof DbopsError) || signal.aborted) throw error;
    return { unknown: error };
  }
}

/** Returns the report of a dry run with the changes, as SQL comments. */
export function withChanges(report: Report<RunData>, schema: SchemaChanges): Report<RunData> {
  return {
    ...report,
    data: { ...report.data, schema: toJson(schema) },
    blocks: [...report.blocks, ...linesOf(schema).map((line): Block => text(`-- ${line}`))],
  };
}

function linesOf(schema: SchemaChanges): string[] {
  if ('unknown' in schema)
    return [
      `the changes of the schema are not known: ${schema.unknown.message}`,
      ...schema.unknown.reason.map((line) => `  ${line}`),
    ];
  if (schema.changes.length === 0) return ['the schema does not change'];
  return ['changes of the schema:', ...changesOf(schema).map((line) => `  ${line}`)];
}

function toJson(schema: SchemaChanges): SchemaChangesDocument {
  if ('unknown' in schema) {
    const { code, message, reason } = schema.unknown;
    return { unknown: { code, message: [message, ...reason].join('\n') } };
  }
  const of = (change: Difference['change']) =>
    schema.changes.filter((each) => each.change === change);
  return {
    created: of('missing').map(nameOf),
    altered: schema.changes.flatMap((each) =>
      each.change === 'different'
        ? [{ ...nameOf(each), changes: each.details.map(describeChange) }]
        : [],
    ),
    dropped: of('extra').map(nameOf),
  };
}

function nameOf({ object }: Difference) {
  return { kind: object.kind, object: objectName(object) };
}
