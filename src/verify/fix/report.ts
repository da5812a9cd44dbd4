import type { Context } from '../../context.ts';
import type { VerifyData } from '../../documents.ts';
import type { Folder } from '../../formats/format.ts';
import type { Report } from '../../report.ts';
import type { VerifySettings } from '../declaration.ts';
import { proveFixes } from './prove.ts';
import { fixScript, inOrder } from './script.ts';

interface FixRequest {
  context: Context;
  /** With the migrations of which the database is made. */
  folder: Folder;
  settings: VerifySettings;
}

/** Returns the report with a script of the fixes of its findings, of which nothing is run, in place of its text. */
export async function withFixes(
  report: Report<VerifyData>,
  { context, folder, settings }: FixRequest,
): Promise<Report<VerifyData>> {
  const { findings } = report.data;
  const fixable = inOrder(findings);
  context.progress.update('proving the fixes in a shadow database');
  const fixes = await proveFixes(context, folder, fixable, settings);
  const undecided = findings.filter(
    ({ fix, severity }) => fix === undefined && severity !== 'info',
  );
  return {
    ...report,
    data: {
      ...report.data,
      fixes: fixes.map(({ finding: { key }, sql, proof, reason }) => ({
        key,
        sql,
        proof,
        ...(reason !== undefined && { reason }),
      })),
    },
    blocks: [{ kind: 'code', text: fixScript(fixes, undecided) }],
  };
}
