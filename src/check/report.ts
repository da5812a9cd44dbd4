import { formatCount } from '../output/number.ts';
import { text, type CheckDescription, type Report } from '../report.ts';
import type { Judged } from '../verify/judge-findings.ts';
import { verifyReport } from '../verify/report.ts';
import type { Checked } from './run.ts';

/** Returns the report on a folder, with exit code 4 unless all findings are information. */
export function checkedReport(judged: Judged, checked: Checked, maxFindings?: number): Report {
  const { migrations, replayed, downs, base } = checked;
  const scope = [
    `${formatCount(replayed)} of ${formatCount(migrations)} ${migrations === 1 ? 'migration' : 'migrations'} replayed`,
    `${formatCount(downs)} down ${downs === 1 ? 'migration' : 'migrations'} proven`,
    base ? `compared with ${base.revision}` : 'not compared with a base branch',
  ].join('; ');
  const checks = ofFolder.filter(({ name }) => base || !ofBase.has(name));
  const report = verifyReport(judged, { scope, checks, maxFindings, command: 'check' });
  if (judged.written) return report;
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

const ofFolder: readonly CheckDescription[] = [
  { name: 'invalid-file', summary: 'Every file can be read and parsed.' },
  { name: 'duplicate', summary: 'No two migrations have the same number.' },
  { name: 'replay-failed', summary: 'All migrations run on an empty database.' },
  {
    name: 'unproven-down',
    summary: 'Up, down and up again give the same schema, where a migration has a down file.',
  },
  { name: 'edited', summary: 'No migration that is on the base branch was edited.' },
  { name: 'removed', summary: 'No migration that is on the base branch was removed or renamed.' },
  { name: 'out-of-order', summary: 'New migrations come after those of the base branch.' },
].map((each) => ({ ...each, group: 'check' }));

/** Checks that need a base branch. */
const ofBase = new Set(['edited', 'removed', 'out-of-order']);

/** The codes of what the command checks itself; a format adds findings of its own. */
export const ownCodes: ReadonlySet<string> = new Set(ofFolder.map(({ name }) => name));

const withoutBase =
  'Edited files and the order of new ones were not checked: no base branch is known. Pass one: dbops check --base origin/main';
