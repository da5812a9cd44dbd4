import { isNameIgnored } from '../catalog/ignored.ts';
import { readWithFixedSettings } from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { formatCount } from '../output/number.ts';
import type { Finding } from '../report.ts';
import { driftOf, type Drift } from '../shadow/drift.ts';
import { replaySourceOf } from '../shadow/replay-request.ts';
import type { Check, CheckGroup } from './definition.ts';
import type { SchemaInput } from './checks/schema-objects.ts';

type Checks = readonly Check<SchemaInput>[];

export interface VerifyRequest {
  folder: Folder;
  session: Session;
  applied: readonly Migration[];
  groups: ReadonlySet<CheckGroup>;
  grants: boolean;
  checks: Checks;
}

/** Compares the schema with a replay of the applied migrations, and runs the checks of the groups. */
export async function findProblems(
  context: Context,
  { folder, session, applied, groups, grants, checks }: VerifyRequest,
): Promise<Finding[]> {
  const drift = groups.has('schema')
    ? await findDrift(context, { folder, session, applied, grants })
    : [];
  const names = new Set(applied.map(({ name }) => name));
  const found = await readWithFixedSettings(session, () =>
    runChecks(checks, { session, drift, groups }, names),
  );
  const { scope } = context.settings;
  return found.filter(({ where }) => !where?.object || !isNameIgnored(where.object, scope));
}

async function findDrift(
  context: Context,
  {
    folder,
    session,
    applied,
    grants,
  }: Pick<VerifyRequest, 'folder' | 'session' | 'applied' | 'grants'>,
): Promise<Drift[]> {
  const request = {
    ...(await replaySourceOf(context, session, folder)),
    migrations: applied,
    grants,
    onReplay: () =>
      context.progress.update(
        `replaying ${formatCount(applied.length)} migrations in a shadow database`,
      ),
  };
  return driftOf(session, request, folder.tracking.tables);
}

/** Returns the group of a finding by its key; findings of the schema are named after their change. */
export function groupOf(key: string, checks: Checks): CheckGroup {
  return checks.find(({ name }) => key === name || key.startsWith(`${name}:`))?.group ?? 'schema';
}

/** Returns the findings of the checks of `input.groups`, without those whose `since` is pending. */
export async function runChecks(
  checks: readonly Check<SchemaInput>[],
  input: SchemaInput,
  applied: ReadonlySet<string>,
): Promise<Finding[]> {
  const due = checks.filter(
    ({ group, since }) => input.groups.has(group) && (since === undefined || applied.has(since)),
  );
  const findings: Finding[] = [];
  for (const check of due) findings.push(...(await check.run(input)));
  return findings;
}
