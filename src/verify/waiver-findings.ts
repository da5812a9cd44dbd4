import { allowCommentsOf, type AllowComment } from '../findings/allow-comments.ts';
import { lineOfEntry, type BaselineFile } from '../findings/baseline.ts';
import type { Migration } from '../migration.ts';
import type { Finding } from '../report.ts';
import { upSourceOf } from '../text-file.ts';
import type { SortedFindings } from './known-findings.ts';

interface WaiverRequest {
  baseline: BaselineFile;
  /** Whether each entry of the baseline must have a reason. */
  requiresReason: boolean;
  migrations: readonly Migration[];
  /** Whether a check of this name ran. */
  isRun: (check: string) => boolean;
}

/** Returns findings on entries of the baseline and on comments that allow findings: expired, without a reason, unused. */
export function findingsOnWaivers(sorted: SortedFindings, request: WaiverRequest): Finding[] {
  const { baseline, requiresReason } = request;
  return [
    ...sorted.expired.map(({ entry, finding }) => ({
      code: 'waiver-expired',
      severity: 'warning' as const,
      message: `The baseline accepted ${entry.key} until ${entry.until}${entry.by === undefined ? '' : ` (${entry.by})`}; the finding counts again.`,
      help: `Correct it, or enter a later day in ${baseline.name}.`,
      where: { object: finding.where.object, ...placeIn(baseline, entry.key) },
      key: `waiver-expired:${entry.key}`,
    })),
    ...(requiresReason ? withoutReason(sorted, baseline) : []),
    ...sorted.unreasoned.map(({ comment, finding }) => ({
      code: 'allow-without-reason',
      severity: 'warning' as const,
      message: `The comment that allows ${comment.check} gives no reason; the finding counts.`,
      help: `Add one: -- dbops: allow ${comment.check} because …`,
      where: { object: finding.where.object, file: comment.file, line: comment.line },
      key: `allow-without-reason:${finding.key}`,
    })),
    ...unusedAllows(sorted, request),
  ];
}

function placeIn({ file }: BaselineFile, key: string): { file?: string; line?: number } {
  return file === undefined ? {} : { file, line: lineOfEntry(file, key) };
}

/** An entry without a finding is stale, and needs none. */
function withoutReason({ stale }: SortedFindings, baseline: BaselineFile): Finding[] {
  const gone = new Set(stale);
  const open = baseline.entries.filter(({ key, reason }) => !reason?.trim() && !gone.has(key));
  return open.map(({ key }) => ({
    code: 'waiver-without-reason',
    severity: 'warning',
    message: `The baseline accepts ${key} without a reason.`,
    help: `Add "reason" to the entry in ${baseline.name}.`,
    where: { object: key, ...placeIn(baseline, key) },
    key: `waiver-without-reason:${key}`,
  }));
}

/** Reports comments of checks that ran and found nothing there. */
function unusedAllows(
  { findings, used }: SortedFindings,
  { migrations, isRun }: WaiverRequest,
): Finding[] {
  const identify = ({ file, offset, check }: AllowComment) => `${check} ${offset} ${file}`;
  const known = new Set([...used].map(identify));
  const unanswered = new Set(findings.map(({ key }) => key));
  return migrations.flatMap((migration) =>
    commentsIn(migration)
      .filter((comment) => isRun(comment.check) && !known.has(identify(comment)))
      .filter(({ check }) => !unanswered.has(`not-checked:${check}`))
      .map(({ check, file, line }): Finding => ({
        code: 'unused-allow',
        severity: 'info',
        message: `The comment in ${migration.name} allows ${check}, which is not found there.`,
        help: 'Remove the comment.',
        where: { object: migration.name, file, line },
        key: `unused-allow:${check}:${migration.name}:${line}`,
      })),
  );
}

function commentsIn(migration: Migration): AllowComment[] {
  const { up } = migration;
  try {
    return allowCommentsOf(upSourceOf(migration), {
      file: up.file,
      isModule: up.kind === 'module',
    });
  } catch {
    return []; // the folder reports a file that cannot be read
  }
}
