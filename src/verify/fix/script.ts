import { formatCountOf } from '../../output/number.ts';
import { oneLine } from '../../output/sanitise.ts';
import type { Finding } from '../../report.ts';
import type { Fix } from './prove.ts';

/** What is created comes before what is dropped, so that no query loses an index in between. */
const order = [/^(?:CREATE|VALIDATE|REINDEX)/, /^(?!DROP)/, /^DROP/];

/** Returns the findings that have a fix in the order in which their SQL runs; the same SQL once. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const rankOf = ({ fix = '' }: Finding) => order.findIndex((pattern) => pattern.test(fix));
  const seen = new Set<string>();
  return findings
    .filter(({ fix }) => fix !== undefined && !seen.has(fix) && seen.add(fix))
    .toSorted((a, b) => rankOf(a) - rankOf(b));
}

/** Returns a script for psql with every fix, each beneath its finding and its proof. */
export function fixScript(fixes: readonly Fix[], undecided: readonly Finding[]): string {
  const refuted = fixes.filter(({ proof }) => proof === 'refuted');
  const usable = fixes.filter(({ proof }) => proof !== 'refuted');
  const concurrent = usable.some(({ sql }) => /\bCONCURRENTLY\b/.test(sql));
  return [
    `-- ${formatCountOf(usable.length, 'fix', 'fixes')} by dbops verify --fix; nothing was run.`,
    ...(concurrent
      ? ['-- Run it with psql -f. CONCURRENTLY does not run in a transaction (psql -1).']
      : []),
    ...(usable.length > 0 ? ["SET lock_timeout = '2s';"] : []),
    ...usable.flatMap(({ finding, sql, proof, reason }) => [
      '',
      ...titleOf(finding),
      proof === 'proven'
        ? '-- Proven in a shadow database: it corrects the finding and changes nothing else.'
        : `-- Not proven: ${reason ?? 'it was not run'}.`,
      sql,
    ]),
    ...[
      ...refuted.map(({ finding, reason }) => ({ finding, reason })),
      ...undecided.map((finding) => ({ finding, reason: undefined })),
    ].flatMap(({ finding, reason }) => [
      '',
      ...titleOf(finding),
      reason === undefined
        ? `-- Needs a decision: ${oneLine(finding.help)}`
        : `-- No fix: ${oneLine(reason)}. ${oneLine(finding.help)}`,
    ]),
    '',
  ].join('\n');
}

function titleOf({ code, message, where: { file, line } }: Finding): string[] {
  const place = file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${line}`})`;
  return [`-- ${code}: ${oneLine(message)}${place}`];
}
