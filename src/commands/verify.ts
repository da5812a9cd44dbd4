import * as z from 'zod';
import { driftOf } from '../catalog/drift.ts';
import { readPinned } from '../catalog/snapshot.ts';
import { checkGroups, type CheckGroup } from '../checks/check.ts';
import { checks } from '../checks/index.ts';
import { runChecks } from '../checks/run.ts';
import { exitCodes } from '../errors.ts';
import { folderOf } from './folder.ts';
import { appliedOf } from '../migrate/plan.ts';
import { readStatuses } from '../migrate/state.ts';
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
    const folder = await folderOf(context);
    const session = await context.session();
    const applied = appliedOf(await readStatuses(session, folder));
    const groups = new Set<CheckGroup>(words.length > 0 ? words : checkGroups);
    const wanted = {
      migrations: applied,
      format: folder.format,
      environment: context.settings.environment,
      server: context.settings.shadow,
      signal: context.signal,
      onReplay: () => context.progress.update('replaying the applied migrations in a shadow'),
    };
    const drift = groups.has('schema')
      ? await driftOf(session, wanted, folder.tracking.tables)
      : [];
    const subject = { session, drift, groups, applied: new Set(applied.map(({ name }) => name)) };
    const findings = await readPinned(session, () => runChecks(checks, subject));
    return toReport(findings, applied.length, groups);
  },
});

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
