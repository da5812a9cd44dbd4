import * as z from 'zod';
import { diff } from '../catalog/diff.ts';
import { withExpectation } from '../catalog/expectation.ts';
import { snapshot } from '../catalog/snapshot.ts';
import { checkGroups, type Check, type CheckGroup, type Subject } from '../checks/check.ts';
import { checks } from '../checks/index.ts';
import type { Context } from '../context.ts';
import { readOnly, type Session } from '../db/session.ts';
import { exitCodes } from '../errors.ts';
import { readFolder } from '../formats/index.ts';
import { appliedOf } from '../migrate/plan.ts';
import { readStatuses } from '../migrate/state.ts';
import type { Migration } from '../migration.ts';
import { text, type Finding, type Report } from '../report.ts';
import { defineCommand } from './command.ts';

const severities = ['error', 'warning', 'info'] as const;

export const command = defineCommand({
  description:
    'Compares the database with what its applied migrations make, and looks for broken indexes, constraints and data. Exits with 4 when it finds something.',
  arguments: [['[words...]', `${checkGroups.join(', ')} (default: all)`]],
  examples: ['dbops verify', 'dbops verify schema', 'dbops verify --json | jq .findings'],
  flags: z.object({ arguments: z.tuple([z.array(z.enum(checkGroups)).default([])]) }),
  async run(context, { arguments: [words] }) {
    const folder = readFolder(context.settings);
    const session = await context.session();
    const applied = appliedOf(await readStatuses(session, folder));
    const groups = new Set<CheckGroup>(words.length > 0 ? words : checkGroups);
    const findings = await verify(context, session, applied, groups);
    return toReport(findings, applied.length, groups);
  },
});

async function verify(
  context: Context,
  session: Session,
  applied: Migration[],
  groups: ReadonlySet<CheckGroup>,
): Promise<Finding[]> {
  const { settings, signal, progress } = context;
  progress.update('replaying the applied migrations in a shadow');
  const runChecks = (deltas: Subject['deltas']) =>
    runAll(checks, { session, deltas, applied: new Set(applied.map(({ name }) => name)) }, groups);
  if (!groups.has('schema')) return readOnly(session, () => runChecks([]));
  const wanted = {
    migrations: applied,
    serverMajor: session.server.major,
    environment: settings.environment,
    server: settings.shadow,
    signal,
  };
  return withExpectation(wanted, ({ facts, sameMeaning }) =>
    readOnly(session, async () =>
      runChecks(await diff(facts, await snapshot(session), sameMeaning)),
    ),
  );
}

async function runAll(
  all: readonly Check[],
  subject: Subject,
  groups: ReadonlySet<CheckGroup>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of all) {
    const isDue =
      groups.has(check.group) && (check.since === undefined || subject.applied.has(check.since));
    if (isDue) findings.push(...(await check.run(subject)));
  }
  return findings;
}

function toReport(
  findings: Finding[],
  migrations: number,
  groups: ReadonlySet<CheckGroup>,
): Report {
  const counts = Object.fromEntries(
    severities.map((severity) => [
      severity,
      findings.filter((finding) => finding.severity === severity).length,
    ]),
  );
  const isClean = findings.every(({ severity }) => severity === 'info');
  const scope = `${[...groups].join(', ')}; ${migrations} applied migrations`;
  const summary =
    findings.length === 0
      ? `✓ nothing wrong (${scope})`
      : severities
          .filter((severity) => counts[severity])
          .map((severity) => `${counts[severity]} ${severity}${counts[severity] === 1 ? '' : 's'}`)
          .join(', ') + ` (${scope})`;
  return {
    exitCode: isClean ? exitCodes.done : exitCodes.findings,
    data: { findings, counts },
    blocks: [
      ...(findings.length > 0 ? [{ kind: 'findings' as const, findings }] : []),
      text(summary, isClean ? 'good' : 'bad'),
    ],
  };
}
