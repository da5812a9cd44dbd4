import type { Context } from '../context.ts';
import { locateInProject } from '../findings/locate-in-project.ts';
import type { CheckDescription, Finding, Report } from '../report.ts';
import { actionsByName, describeAction } from './describe-verdict.ts';
import type { Repair } from './findings.ts';

/**
 * Returns the report with the places of its findings, and with what CI systems get: what the repair would
 * change in the tracking table is a finding there.
 */
export async function inspectedRepair(
  report: Report,
  context: Context,
  repair: Repair,
): Promise<Report> {
  const listed = report.blocks.flatMap((block) =>
    block.kind === 'findings' ? block.findings : [],
  );
  const findings = await locateInProject(listed, context, repair.folder);
  const isWritten = report.data['applied'] === true;
  const changes = isWritten
    ? []
    : await locateInProject(plannedChanges(repair), context, repair.folder);
  return {
    ...report,
    data: { ...report.data, findings },
    blocks: report.blocks.map((block) =>
      block.kind === 'findings' ? { ...block, findings } : block,
    ),
    inspection: {
      findings: [...findings, ...changes],
      waived: [],
      checks,
      omitted: {},
      failOn: 'warning',
    },
  };
}

const checks: readonly CheckDescription[] = [
  {
    name: 'repair-tracking',
    group: 'tracking',
    summary: 'The tracking table records the migrations that the schema proves to be applied.',
    prefixes: [''],
  },
];

function plannedChanges({ diagnosis, plan, folder }: Repair): Finding[] {
  const byName = actionsByName(plan);
  return diagnosis.judgements.flatMap((judgement, at): Finding[] => {
    const action = describeAction(byName, judgement);
    if (action === null) return [];
    const { name, verdict } = judgement;
    return [
      {
        code: verdict,
        severity: 'warning',
        message: `${name} is ${verdict}; ${folder.tracking.table} needs a change: ${action}.`,
        help: 'Write the changes: dbops repair-tracking --apply',
        where: { object: name },
        key: `${verdict}:${name}:${at}`,
      },
    ];
  });
}
