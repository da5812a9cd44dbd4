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
import type { CheckGroup } from './definition.ts';
import { checks } from './checks/index.ts';
import type { SchemaInput } from './checks/schema-objects.ts';
import { dueOf, type NamedCheck } from './data-checks.ts';
import { runDataCheck } from './run-data-check.ts';

export interface VerifyRequest {
  /** Absent where no schema is compared. */
  folder?: Folder | undefined;
  session: Session;
  applied: readonly Migration[];
  groups: ReadonlySet<CheckGroup>;
  grants: boolean;
  dataChecks: readonly NamedCheck[];
  /** What else is found in the data, in the same transaction: findings that other declarations imply. */
  furtherData: () => Promise<Finding[]>;
}

/**
 * Compares the schema with a replay of the applied migrations, and runs the checks of the groups, all in
 * one READ ONLY transaction.
 *
 * @param report is called with each finding
 */
export async function findProblems(
  context: Context,
  request: VerifyRequest,
  report: (finding: Finding) => void,
): Promise<void> {
  const { folder, session, applied, groups, grants } = request;
  const drift =
    groups.has('schema') && folder
      ? await findDrift(context, { folder, session, applied, grants })
      : [];
  const names = new Set(applied.map(({ name }) => name));
  const { scope } = context.settings;
  const add = (finding: Finding) => {
    const { object } = finding.where;
    if (!object || !isNameIgnored(object, scope)) report(finding);
  };
  await readWithFixedSettings(session, async () => {
    for (const finding of await runChecks({ session, drift, groups })) add(finding);
    if (!groups.has('data')) return;
    // Their objects are places of declarations, which are in no schema: they are ignored by key alone.
    for (const check of dueOf(request.dataChecks, names))
      await runDataCheck(session, check, report);
    for (const finding of await request.furtherData()) report(finding);
  });
}

async function findDrift(
  context: Context,
  {
    folder,
    session,
    applied,
    grants,
  }: Pick<VerifyRequest, 'session' | 'applied' | 'grants'> & { folder: Folder },
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
export function groupOf(key: string, dataChecks: readonly string[]): CheckGroup {
  const isOf = (name: string) => key === name || key.startsWith(`${name}:`);
  if (dataChecks.some(isOf)) return 'data';
  return checks.find(({ name }) => isOf(name))?.group ?? 'schema';
}

/** Returns the findings of the checks of every schema in `input.groups`. */
export async function runChecks(input: SchemaInput): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks)
    if (input.groups.has(check.group)) findings.push(...(await check.run(input)));
  return findings;
}
