import { needsConsent, readLabel } from '../db/meta.ts';
import { databaseName } from '../db/target.ts';
import type { RunOutcome, Step, RowGuard } from '../runner/step.ts';
import { text, type Block, type JsonValue, type Report } from '../report.ts';
import { countLosses, type LossCount } from '../rescue/count.ts';
import { guardFor } from '../rescue/guard.ts';
import type { Kept } from '../rescue/copy-rows.ts';
import type { Restored } from '../rescue/restore/run.ts';
import { distinct, recordsUndoneBy, type RescueRecord } from '../rescue/record.ts';
import { statedLosses } from '../rescue/losses-in-text.ts';
import type { ExpectedLosses } from './expected-losses.ts';
import { countOf, lossSentence, lossToJson, placeOf, restoreCommand } from '../rescue/report.ts';
import { isWanted, offerBack, type Rescue } from './offer-restore.ts';

/** What `migrate up` and `migrate down` share: rows are kept before they are destroyed. */

export interface Keeping {
  /** What the steps are expected to destroy, with counts as the database is now. */
  counts: StepLosses[];
  /** The report of a dry run, with what would be lost. */
  preview(report: Report): Report;
  /** Tells the counts on stderr; discarding them needs consent on a protected database. */
  announce(): Promise<void>;
  /** The steps with what keeps their rows. */
  guarded(steps: readonly Step[]): Step[];
  /** The report of the run, with what was kept, and with what was put back or can be. */
  report(outcome: RunOutcome, report: Report): Promise<Report>;
}

export interface StepLosses {
  migration: string;
  losses: LossCount[];
}

/**
 * Prepares steps of one direction so that nothing that they destroy is lost.
 *
 * @param expected absent: they destroy nothing, and may only bring something back
 */
export async function keepRows(
  rescue: Rescue,
  steps: readonly Step[],
  expected: ExpectedLosses = { losses: new Map(), stated: new Map() },
): Promise<Keeping> {
  const counts = await countsOf(rescue, steps, expected);
  const lines = linesOf(counts, expected, rescue);
  const direction = steps[0]?.direction ?? 'up';
  const { tracking } = rescue.folder;
  const names = steps.map(({ migration }) => migration.name);
  const returning = await recordsUndoneBy(rescue.session, tracking.table, direction, names);
  const { rules } = expected;
  const kept = new Map<string, readonly Kept[]>();
  const restored = new Map<string, readonly Restored[]>();
  const findings: Findings = { expected, returning, kept, restored, restores: false };
  return {
    counts,
    preview: (report) => withPreview(report, counts, lines),
    async announce() {
      await announce(rescue, counts, lines);
      const within = returning.filter(({ migration }) => rules?.has(migration));
      findings.restores = within.length > 0 && (await isWanted(rescue, within));
    },
    guarded: (planned) =>
      planned.map((step) => {
        const guard = guardOf(step, rescue, findings);
        return guard ? { ...step, guard } : step;
      }),
    async report({ results }, report) {
      const done = results.filter(({ state }) => state === 'done').map(({ name }) => name);
      const copies = done.flatMap((migration) =>
        (kept.get(migration) ?? []).map((copy) => ({ migration, copy })),
      );
      const rescued = copies.map((each) => rescuedToJson(each, direction));
      const back = returning.filter(({ migration }) => done.includes(migration));
      const within = done.flatMap((migration) => restored.get(migration) ?? []);
      const { error, data, blocks } = await offerBack(rescue, back, within);
      return {
        ...report,
        data: { ...report.data, rescued, ...data },
        blocks: [...report.blocks, ...keptBlocks(copies, direction), ...blocks],
        ...(error && !report.error && { error, exitCode: error.exitCode }),
      };
    },
  };
}

async function countsOf(
  { session }: Rescue,
  steps: readonly Step[],
  { losses, stated, withoutShadow }: ExpectedLosses,
): Promise<StepLosses[]> {
  const isAlone = withoutShadow !== undefined;
  const counts: StepLosses[] = [];
  for (const { migration } of steps) {
    const said = await statedLosses(session, stated.get(migration.name) ?? [], isAlone);
    const all = distinct([...(losses.get(migration.name) ?? []), ...said]);
    counts.push({ migration: migration.name, losses: await countLosses(session, all) });
  }
  return counts;
}

async function announce(
  { context, session, flags }: Rescue,
  counts: readonly StepLosses[],
  lines: readonly string[],
): Promise<void> {
  for (const line of lines) context.note(line);
  const isLosing = counts.some(({ losses }) => losses.some(({ rows }) => rows !== 0));
  if (flags.discardData && isLosing && needsConsent(session, await readLabel(session)))
    await context.consent(
      `--discard-data destroys these rows of ${databaseName(session.target)} for good.`,
    );
}

interface Findings {
  expected: ExpectedLosses;
  returning: readonly RescueRecord[];
  /** Filled as steps run. */
  kept: Map<string, readonly Kept[]>;
  restored: Map<string, readonly Restored[]>;
  restores: boolean;
}

function guardOf(
  { migration: { name }, direction }: Step,
  { context, folder, flags }: Rescue,
  { expected, returning, kept, restored, restores }: Findings,
): RowGuard | undefined {
  const { losses, stated, rules, withoutShadow } = expected;
  const back = returning.filter(({ migration }) => migration === name);
  const ownRules = rules?.get(name);
  const isIdle = !stated.has(name) && !losses.has(name) && back.length === 0;
  if (isIdle && ownRules === undefined) return undefined;
  return guardFor({
    cause: { tracking: folder.tracking.table, migration: name, direction },
    losses: losses.get(name) ?? [],
    stated: stated.get(name) ?? [],
    isStatedAlone: withoutShadow !== undefined,
    discards: flags.discardData,
    returning: back,
    restores: restores && ownRules !== undefined,
    ...(ownRules !== undefined && { rules: ownRules }),
    onRestored: (results) => restored.set(name, results),
    onKept: (copies) => kept.set(name, copies),
    onMissed: (missed) => {
      for (const loss of missed)
        context.note(
          `${name} ran outside a transaction and has also destroyed ${placeOf(loss)}, of which there is no copy`,
        );
    },
  });
}

function linesOf(
  counts: readonly StepLosses[],
  { stated, withoutShadow }: ExpectedLosses,
  { flags }: Rescue,
): string[] {
  const fate = flags.discardData ? 'discarded' : 'copied to dbops_rescue first';
  const lines = counts.flatMap(({ migration, losses }) =>
    losses
      .filter(({ rows }) => rows !== 0)
      .map((count) => `${migration} ${lossSentence(count)}: ${fate}`),
  );
  const unkept = [...stated].flatMap(([migration, destructions]) =>
    destructions.flatMap((destruction) => {
      if (destruction.kind !== 'some-rows') return [];
      const { schema, name } = destruction.table;
      return `${migration} deletes rows of ${schema ? `${schema}.` : ''}${name} on a condition: they are not copied`;
    }),
  );
  const reason =
    withoutShadow && `no shadow, so the text tells what is destroyed: ${withoutShadow}`;
  return [...(reason ? [reason] : []), ...lines, ...unkept];
}

/** As SQL comments, for what a dry run prints is SQL. */
function withPreview(
  report: Report,
  counts: readonly StepLosses[],
  lines: readonly string[],
): Report {
  const losses = counts.flatMap(({ migration, losses: all }) =>
    all.map(({ loss, rows }) => ({ migration, ...lossToJson(loss), rows })),
  );
  return {
    ...report,
    data: { ...report.data, losses },
    blocks: [...report.blocks, ...lines.map((line) => text(`-- ${line}`, 'warn'))],
  };
}

interface Copied {
  migration: string;
  copy: Kept;
}

function rescuedToJson(
  { migration, copy: { id, loss, rows } }: Copied,
  direction: Step['direction'],
): Record<string, JsonValue> {
  const restore = restoreCommand(migration);
  return { id, migration, direction, ...lossToJson(loss), rows, restore };
}

function keptBlocks(copies: readonly Copied[], direction: Step['direction']): Block[] {
  const [first] = copies;
  if (!first) return [];
  const lines = copies.map(({ migration, copy: { loss, rows } }) =>
    text(`kept ${countOf(loss, rows)} of ${placeOf(loss)}, which ${migration} has destroyed`),
  );
  const back = direction === 'up' ? 'down' : 'up';
  const restore = restoreCommand(first.migration);
  return [
    ...lines,
    text(`→ Back again: dbops migrate ${back}, then ${restore} (see all: dbops rescue list)`),
  ];
}
