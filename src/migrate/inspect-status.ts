import type { Context } from '../context.ts';
import type { StatusData } from '../documents.ts';
import { locateInProject } from '../findings/locate-in-project.ts';
import type { Folder } from '../formats/format.ts';
import type { CheckDescription, Finding, Report } from '../report.ts';

interface Inspecting {
  context: Context;
  folder: Folder;
  /** Whether CI systems get the result. */
  isInspected: boolean;
}

/** Returns the report with the places of its findings, and with what CI systems get: pending migrations are findings there. */
export async function inspected(
  report: Report<StatusData>,
  { context, folder, isInspected }: Inspecting,
): Promise<Report<StatusData>> {
  const findings = await locateInProject(report.data.findings, context, folder);
  const located = {
    ...report,
    data: { ...report.data, findings },
    blocks: report.blocks.map((block) =>
      block.kind === 'findings' ? { ...block, findings } : block,
    ),
  };
  if (!isInspected) return located;
  const pending = report.data.migrations.filter(({ state }) => state === 'pending');
  const waiting = await locateInProject(
    pending.map(({ name }) => pendingFinding(name)),
    context,
    folder,
  );
  const all = [...findings, ...waiting];
  const inspection = { findings: all, waived: [], checks, omitted: {}, failOn: 'warning' as const };
  return { ...located, inspection };
}

const checks: readonly CheckDescription[] = [
  {
    name: 'pending',
    group: 'migrations',
    summary: 'All migrations of the folder are applied.',
    cure: 'Apply them: dbops migrate up',
  },
  {
    name: 'recorded',
    group: 'migrations',
    summary: 'The tracking table records the migrations of the folder as they are.',
    prefixes: [''],
  },
];

function pendingFinding(name: string): Finding {
  return {
    code: 'pending',
    severity: 'warning',
    message: `${name} is pending.`,
    help: 'Apply it: dbops migrate up',
    where: { object: name },
    key: `pending:${name}`,
  };
}
