import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Context } from '../context.ts';
import { matches } from '../catalog/ignored.ts';
import { mayAllow } from '../findings/allow-comments.ts';
import {
  baselineName,
  entriesFor,
  readBaseline,
  writeBaseline,
  type BaselineFile,
} from '../findings/baseline.ts';
import { locateFindings, type FoundFinding, type LocationRequest } from '../findings/locate.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Finding } from '../report.ts';
import { sourceOf } from '../text-file.ts';
import { sorterOf, type SortedFindings } from './known-findings.ts';
import { findingsOnWaivers } from './waiver-findings.ts';
import type { WaiverFlags } from './waiver-flags.ts';

/** What a command found, and what became of the baseline. */
export interface Judged extends SortedFindings {
  /** The baseline that was written with all findings, in place of a report. */
  written?: { name: string; entries: number; isDefault: boolean };
  /** Entries that were removed from the baseline. */
  pruned?: { name: string; entries: number };
}

export interface JudgeRequest {
  context: Pick<Context, 'command' | 'io' | 'settings' | 'clock'>;
  folder: Pick<Folder, 'directory' | 'migrations'> & Partial<Pick<Folder, 'format'>>;
  flags: WaiverFlags;
  /** Whether the checks that ran could find a key. */
  wasChecked: (key: string) => boolean;
  /** Whether a check of this name ran. */
  isRun: (check: string) => boolean;
  /** Whether the findings of a check are rows, of which there may be many, and which no statement creates. */
  isOfRows?: (check: string) => boolean;
  originsOf?: LocationRequest['originsOf'];
  /** Findings of one check that are listed. */
  limit?: number;
  /** Whether a finding is shown; the place of one that is only counted is not looked for. Default: all are. */
  isShown?: (finding: Finding) => boolean;
}

/**
 * Returns a judge of findings: it finds out where they come from, and separates those that are ignored,
 * known or allowed.
 *
 * @throws usage error when the baseline cannot be read
 */
export function judgeOf(request: JudgeRequest) {
  const { context, folder, flags, isOfRows = () => false, limit = Infinity } = request;
  const { io, settings } = context;
  const today = context.clock().toISOString().slice(0, 10);
  const baseline = readBaseline(flags.baseline, { ...placeOf(context), command: context.command });
  const isWriting = flags.writeBaseline !== undefined && flags.writeBaseline !== false;
  const sorter = sorterOf({
    ignore: [...settings.scope.ignore, ...flags.ignore],
    baseline: isWriting ? [] : baseline.entries,
    wasChecked: request.wasChecked,
    today,
    limit: isWriting ? Infinity : limit,
  });
  const found: FoundFinding[] = [];
  const surroundings: LocationRequest = {
    cwd: io.cwd,
    configFile: settings.configFile,
    directory: folder.directory,
    migrations: folder.migrations,
    ...(folder.format && { format: folder.format }),
    ...(request.originsOf && { originsOf: request.originsOf }),
  };
  return {
    add(finding: FoundFinding): void {
      if (isOfRows(finding.code)) sorter.add(finding);
      else found.push(finding);
    },
    async finish(): Promise<Judged> {
      const { isShown = () => true } = request;
      // A comment may allow a finding that is not shown.
      const isAllowing = found.length > 0 && folder.migrations.some(hasAllowComment);
      const [placed, counted] = partition(found, (each) => isAllowing || isShown(each));
      for (const { finding, allows } of await locateFindings(placed, surroundings))
        sorter.add(finding, allows);
      for (const { identity: _, ...finding } of counted) sorter.add(finding);
      const sorted = sorter.sorted();
      if (isWriting) return { ...sorted, written: rewrite(request, { baseline, sorted, today }) };
      const ofWaivers = findingsOnWaivers(sorted, {
        baseline,
        requiresReason: flags.requireReason,
        migrations: folder.migrations,
        isRun: request.isRun,
      }).filter(({ key }) => !isIgnored(key, request));
      const rows = sorted.findings.filter(({ where }) => where.file === undefined);
      const others = sorted.findings.filter(({ where }) => where.file !== undefined);
      const located = await locateFindings([...ofWaivers, ...rows], surroundings);
      const findings: Finding[] = [...others, ...located.map(({ finding }) => finding)];
      return { ...sorted, findings, ...prune(flags, baseline, sorted.stale) };
    },
  };
}

function hasAllowComment({ up, isMissing }: Migration): boolean {
  return !isMissing && mayAllow(sourceOf(up));
}

function partition<T>(all: readonly T[], isFirst: (each: T) => boolean): [T[], T[]] {
  const { first = [], second = [] } = Object.groupBy(all, (each) =>
    isFirst(each) ? 'first' : 'second',
  );
  return [first, second];
}

function isIgnored(key: string, { context, flags }: JudgeRequest): boolean {
  const patterns = [...context.settings.scope.ignore, ...flags.ignore];
  return patterns.some((pattern) => matches(pattern, key));
}

function placeOf({ io, settings }: JudgeRequest['context']) {
  return { cwd: io.cwd, root: settings.root };
}

interface Rewrite {
  baseline: BaselineFile;
  sorted: SortedFindings;
  today: string;
}

/** Writes all findings; entries of checks that did not run stay. */
function rewrite(
  { context, flags, wasChecked }: JudgeRequest,
  { baseline, sorted, today }: Rewrite,
) {
  const { cwd, root } = placeOf(context);
  const given = typeof flags.writeBaseline === 'string' ? flags.writeBaseline : flags.baseline;
  const file = given === undefined ? join(root, baselineName) : resolve(cwd, given);
  const name = given ?? baselineName;
  const isNew = file !== baseline.file && !existsSync(file);
  const place = { cwd, root, command: context.command };
  const before = isNew ? { name, entries: [] } : readBaseline(file, place);
  const isKept = (key: string) => !wasChecked(key);
  const entries = entriesFor(sorted.findings, before, { today, isKept });
  writeBaseline(file, name, entries);
  return { name, entries: sorted.findings.length, isDefault: file === join(root, baselineName) };
}

function prune(
  { pruneBaseline }: WaiverFlags,
  { file, name, entries }: BaselineFile,
  stale: readonly string[],
): Pick<Judged, 'pruned' | 'stale'> | undefined {
  if (!pruneBaseline || file === undefined || stale.length === 0) return undefined;
  const gone = new Set(stale);
  writeBaseline(
    file,
    name,
    entries.filter(({ key }) => !gone.has(key)),
  );
  return { pruned: { name, entries: gone.size }, stale: [] };
}
