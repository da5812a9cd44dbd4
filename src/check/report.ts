import { formatCount } from '../output/number.ts';
import { text, type Report } from '../report.ts';
import type { SortedFindings } from '../verify/known-findings.ts';
import { verifyReport } from '../verify/report.ts';
import type { Checked } from './run.ts';

/** Returns the report on a folder, with exit code 4 unless all findings are information. */
export function checkedReport(sorted: SortedFindings, checked: Checked): Report {
  const { migrations, replayed, downs, base } = checked;
  const scope = [
    `${formatCount(replayed)} of ${formatCount(migrations)} ${migrations === 1 ? 'migration' : 'migrations'} replayed`,
    `${formatCount(downs)} down ${downs === 1 ? 'migration' : 'migrations'} proven`,
    base ? `compared with ${base.revision}` : 'not compared with a base branch',
  ].join('; ');
  const report = verifyReport(sorted, { scope });
  return {
    ...report,
    data: {
      ...report.data,
      migrations: { total: migrations, replayed, downsProven: downs },
      base: base ? { revision: base.revision, source: base.source } : null,
    },
    blocks: [...report.blocks, ...(base ? [] : [text(withoutBase, 'dim')])],
  };
}

const withoutBase =
  'Edited files and the order of new ones were not checked: no base branch is known. Pass one: dbops check --base origin/main';
