import { isNameIgnored } from '../catalog/ignored.ts';
import { readWithFixedSettings, type ObjectIdentity } from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { formatCount } from '../output/number.ts';
import type { FoundFinding } from '../findings/locate.ts';
import type { CheckDescription, Finding } from '../report.ts';
import { driftOf, type Drift } from '../shadow/drift.ts';
import { replaySourceOf } from '../shadow/replay-request.ts';
import { inputOf } from './check-input.ts';
import type { CheckGroup, CheckInput } from './definition.ts';
import { checks } from './checks/index.ts';
import type { VerifySettings } from './declaration.ts';
import { withReplicas } from './replicas.ts';
import { runCatalogue } from './run-catalogue.ts';
import { reportedBy, schemaFindings } from './schema-findings.ts';
import type { Selection } from './select-checks.ts';
import type { NamedProbe } from './smoke/read.ts';
import { runProbe } from './smoke/run.ts';
import { ofTeam } from './team-objects.ts';
import { dueOf, type NamedCheck } from './data-checks.ts';
import { runDataCheck } from './run-data-check.ts';

export interface VerifyRequest {
  /** Absent where no schema is compared. */
  folder?: Folder | undefined;
  session: Session;
  applied: readonly Migration[];
  selection: Selection;
  /** Settings of the checks. */
  settings: VerifySettings;
  /** URLs of further servers with the same data. */
  replicas: readonly string[];
  grants: boolean;
  dataChecks: readonly NamedCheck[];
  probes: readonly NamedProbe[];
  /** What else is found in the data, in the same transaction: findings that other declarations imply. */
  furtherData: () => Promise<Finding[]>;
}

/**
 * Compares the schema with a replay of the applied migrations, and runs the selected checks, all in
 * one READ ONLY transaction; then the selected probes, each in a transaction that is rolled back.
 *
 * @param report is called with each finding
 */
export async function findProblems(
  context: Context,
  request: VerifyRequest,
  report: (finding: FoundFinding) => void,
): Promise<void> {
  const { folder, session, applied, selection, grants } = request;
  const drift =
    selection.groups.has('schema') && folder
      ? await findDrift(context, { folder, session, applied, grants })
      : [];
  const names = new Set(applied.map(({ name }) => name));
  const { scope } = context.settings;
  const add = (finding: FoundFinding) => {
    const { object } = finding.where;
    if (!object || !isNameIgnored(object, scope)) report(finding);
  };
  await readWithFixedSettings(session, async () => {
    const found = await withReplicas(context, request.replicas, (replicas) =>
      catalogueFindings({ ...request, replicas }, drift),
    );
    for (const finding of found) add(finding);
    // Their objects are places of declarations, which are in no schema: they are ignored by key alone.
    for (const check of dueOf(request.dataChecks, names))
      if (selection.includes(check.name, 'data')) await runDataCheck(session, check, report);
    if (!selection.groups.has('data')) return;
    for (const finding of await request.furtherData())
      if (selection.includes(finding.code, 'data')) report(finding);
  });
  for (const probe of dueOf(request.probes, names)) {
    if (!selection.includes(probe.name, 'smoke')) continue;
    const finding = await runProbe(session, probe, context.settings.lockTimeout);
    if (finding) report(finding);
  }
}

/** Returns the findings of the comparison of schemas, then those of the catalogue. */
async function catalogueFindings(
  {
    folder,
    session,
    selection,
    settings,
    replicas,
  }: Omit<VerifyRequest, 'replicas'> & Pick<CheckInput, 'replicas'>,
  drift: readonly Drift[],
): Promise<FoundFinding[]> {
  const input = inputOf(session, settings, replicas);
  const found = await runCatalogue(selection.checks, input, await ofTeam(session, folder));
  return [...schemaFindings(drift, reportedBy(found)), ...found];
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

/** Returns the check that a key belongs to, and its group; nothing for a key of another command. */
export function checkOf(
  key: string,
  { dataChecks, probes }: { dataChecks: readonly string[]; probes: readonly string[] },
): { name: string; group: CheckGroup } | undefined {
  const name = key.startsWith('not-checked:') ? key.slice('not-checked:'.length) : key;
  const isOf = (check: string) =>
    name === check || (/^[:/]/.test(name.slice(check.length)) && name.startsWith(check));
  const own = dataChecks.find(isOf);
  if (own !== undefined) return { name: own, group: 'data' };
  const probe = probes.find(isOf);
  if (probe !== undefined) return { name: probe, group: 'smoke' };
  const ofSchema = { name: 'schema', group: 'schema' } as const;
  const found = checks.find((check) => isOf(check.name));
  return found ?? (/^(?:missing|different|extra)-/.test(key) ? ofSchema : undefined);
}

/** Returns what runs, for CI systems. */
export function descriptionsOf(
  { checks: selected, groups, includes }: Selection,
  { dataChecks, probes }: Pick<VerifyRequest, 'dataChecks' | 'probes'>,
): CheckDescription[] {
  const ofSchema = {
    name: 'schema',
    group: 'schema',
    summary: 'Every object matches what the applied migrations create, and there are no others.',
    prefixes: ['missing-', 'different-', 'extra-'],
  };
  return [
    ...(groups.has('schema') ? [ofSchema] : []),
    ...selected.map(({ name, group, summary, harm, cure }) => ({
      name,
      group,
      summary,
      harm,
      cure,
    })),
    ...describe(dataChecks, 'data', includes),
    ...describe(probes, 'smoke', includes),
  ];
}

function describe(
  declared: readonly { name: string; summary?: string | undefined }[],
  group: CheckGroup,
  includes: Selection['includes'],
): CheckDescription[] {
  return declared
    .filter(({ name }) => includes(name, group))
    .map(({ name, summary = name }) => ({ name, group, summary }));
}

/** Returns a function that finds the migrations that created or last changed objects, by a replay. */
export function originsIn(
  context: Context,
  { session, folder, applied }: Pick<VerifyRequest, 'session' | 'applied'> & { folder: Folder },
) {
  return async (objects: readonly ObjectIdentity[]): Promise<(string | undefined)[]> => {
    const { originsOf } = await import('../shadow/blame.ts');
    const wanted = {
      ...(await replaySourceOf(context, session, folder)),
      migrations: applied,
    };
    const asked = objects.map((object) => ({
      change: 'missing' as const,
      object: { ...object, properties: {}, expressions: {} },
    }));
    return (await originsOf(wanted, asked)).map(({ migration }) => migration);
  };
}
