import { matches } from '../catalog/ignored.ts';
import { isAbout, type AllowComment } from '../findings/allow-comments.ts';
import { isExpired, type BaselineEntry } from '../findings/baseline.ts';
import type { Finding, WaivedFinding } from '../report.ts';

/** Findings without those that are ignored or known. */
export interface SortedFindings {
  findings: Finding[];
  /** Number of findings that match a pattern. */
  ignored: number;
  /** Number of findings that the baseline lists. */
  known: number;
  /** Number of findings that a comment beside their statement allows. */
  allowed: number;
  /** Findings that the baseline lists or a comment allows, as far as they are listed. */
  waived: WaivedFinding[];
  /** Entries of the baseline whose last day is over, with their findings, which count again. */
  expired: { entry: BaselineEntry; finding: Finding }[];
  /** Comments that allow a finding without a reason, with the finding, which counts. */
  unreasoned: { comment: AllowComment; finding: Finding }[];
  /** Comments that name the check of a finding of their statement. */
  used: ReadonlySet<AllowComment>;
  /** Keys of the baseline that are no longer found. */
  stale: string[];
  /** Findings that are counted and not listed: beyond the limit of one check, or with a key that is listed. */
  omitted: Omitted[];
}

export interface Omitted {
  code: string;
  severity: Finding['severity'];
  count: number;
  /** How many of them have the key of a listed finding. */
  repeated: number;
}

export interface SortingOptions {
  /** Patterns of whole keys, in which `*` matches any text. */
  ignore: readonly string[];
  /** Known findings. */
  baseline: readonly BaselineEntry[];
  /** Whether the checks that ran could find a key: other keys are not stale. */
  wasChecked: (key: string) => boolean;
  /** The day of the run in UTC, such as `2026-11-29`. */
  today: string;
  /** Findings of one check that are listed; the rest is counted. Default: all. */
  limit?: number;
}

/** Separates the findings that are ignored or known, one at a time: the memory that it takes is that of the listed ones. */
export function sorterOf(options: SortingOptions) {
  const { ignore, baseline, wasChecked, today, limit = Infinity } = options;
  const entries = new Map(baseline.map((entry) => [entry.key, entry]));
  const gone = new Set(entries.keys());
  const counts = { ignored: 0, known: 0, allowed: 0 };
  const list = listOf(limit);
  const waived: WaivedFinding[] = [];
  const expired: SortedFindings['expired'] = [];
  const unreasoned: SortedFindings['unreasoned'] = [];
  const used = new Set<AllowComment>();
  const unfinished = new Set<string>();
  const waive = (finding: Finding, reason: string) => {
    if (waived.length < limit) waived.push({ finding, reason });
  };
  return {
    /** @param allows comments beside the statements of the object */
    add(finding: Finding, allows: readonly AllowComment[] = []): void {
      const { code, key } = finding;
      gone.delete(key);
      if (key === `${code}:timeout` || key === `${code}:error`) unfinished.add(code);
      const own = allows.filter(
        (allow) => allow.check === code && isAbout(allow, finding.where.object),
      );
      for (const comment of own) used.add(comment);
      if (ignore.some((pattern) => matches(pattern, key))) return void counts.ignored++;
      const reasoned = own.find(({ reason }) => reason !== undefined);
      if (reasoned) {
        counts.allowed++;
        return waive(finding, `allowed: ${reasoned.reason}`);
      }
      const entry = entries.get(key);
      if (entry && !isExpired(entry, today)) {
        counts.known++;
        return waive(finding, wordsOf(entry));
      }
      for (const comment of own) unreasoned.push({ comment, finding });
      if (list.add(finding) && entry) expired.push({ entry, finding });
    },
    sorted: (): SortedFindings => ({
      ...list.sorted(),
      ...counts,
      waived,
      expired,
      unreasoned,
      used,
      stale: [...gone].filter(
        (key) => wasChecked(key) && ![...unfinished].some((code) => key.startsWith(`${code}:`)),
      ),
    }),
  };
}

function wordsOf({ reason, until }: BaselineEntry): string {
  const known = until === undefined ? 'known' : `known until ${until}`;
  return reason === undefined ? known : `${known}: ${reason}`;
}

/** Lists findings up to a limit of each check, and counts the others. */
function listOf(limit: number) {
  const findings: Finding[] = [];
  const listed = new Map<string, Set<string>>();
  const omitted = new Map<string, Omitted>();
  return {
    /** @returns whether the finding is listed */
    add(finding: Finding): boolean {
      const { code, severity, key } = finding;
      const keys = listed.get(code) ?? new Set();
      listed.set(code, keys);
      const isRepeated = keys.has(key);
      if (!isRepeated && keys.size < limit) {
        keys.add(key);
        findings.push(finding);
        return true;
      }
      const rest = omitted.get(code) ?? { code, severity, count: 0, repeated: 0 };
      rest.count++;
      if (isRepeated) rest.repeated++;
      omitted.set(code, rest);
      return false;
    },
    sorted: () => ({ findings, omitted: [...omitted.values()] }),
  };
}

/** Returns findings without those that are ignored or known. */
export function sortFindings(all: readonly Finding[], options: SortingOptions): SortedFindings {
  const sorter = sorterOf(options);
  for (const finding of all) sorter.add(finding);
  return sorter.sorted();
}
