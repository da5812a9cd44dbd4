import type { Loss } from '../catalog/losses.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import { databaseName } from '../db/target.ts';
import type { RunOutcome, Step } from '../migrate/step.ts';
import { text, type Block, type JsonValue, type Report } from '../report.ts';
import { countLosses, type LossCount } from '../rescue/count.ts';
import { guardFor } from '../rescue/guard.ts';
import type { Kept } from '../rescue/keep.ts';
import { distinct, recordsUndoneBy } from '../rescue/record.ts';
import { statedLosses } from '../rescue/stated.ts';
import type { ExpectedLosses } from './expected-losses.ts';
import { countOf, lossSentence, lossToJson, placeOf, restoreCommand } from './loss-words.ts';
import { offerBack, type Rescue, type RescueFlags } from './offer-back.ts';

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
 * Prepares steps so that nothing they destroy is lost.
 *
 * @param expected absent: they destroy nothing, and may only bring something back
 */
export async function keepRows(
  input: Rescue,
  steps: readonly Step[],
  expected: ExpectedLosses | undefined,
): Promise<Keeping> {
  const { context, session, folder, flags } = input;
  const {
    losses = new Map<string, readonly Loss[]>(),
    stated = new Map(),
    withoutShadow,
  } = expected ?? {};
  const counts: StepLosses[] = [];
  for (const { migration } of expected ? steps : []) {
    const said = await statedLosses(
      session,
      stated.get(migration.name) ?? [],
      withoutShadow !== undefined,
    );
    const all = distinct([...(losses.get(migration.name) ?? []), ...said]);
    counts.push({ migration: migration.name, losses: await countLosses(session, all) });
  }
  const lines = linesOf(counts, expected, flags);
  const direction = steps[0]?.direction ?? 'up';
  const names = steps.map(({ migration }) => migration.name);
  const returning = await recordsUndoneBy(session, folder.tracking.table, direction, names);
  const kept = new Map<string, readonly Kept[]>();
  return {
    counts,
    preview: (report) => ({
      ...report,
      data: { ...report.data, losses: counts.flatMap(toJson) },
      // As SQL comments, for what is printed is SQL.
      blocks: [...report.blocks, ...lines.map((line) => text(`-- ${line}`, 'warn'))],
    }),
    async announce() {
      for (const line of lines) context.note(line);
      const isLosing = counts.some((step) => step.losses.some(({ rows }) => rows !== 0));
      if (flags.discardData && isLosing && needsConsent(session, await readLabel(session)))
        await context.consent(
          `--discard-data destroys these rows of ${databaseName(session.target)} for good.`,
        );
    },
    guarded: (planned) =>
      planned.map((step) => {
        const { name } = step.migration;
        const back = returning.filter(({ migration }) => migration === name);
        if (!stated.has(name) && !losses.has(name) && back.length === 0) return step;
        const guard = guardFor({
          cause: { tracking: folder.tracking.table, migration: name, direction: step.direction },
          losses: losses.get(name) ?? [],
          stated: stated.get(name) ?? [],
          isStatedAlone: withoutShadow !== undefined,
          discards: flags.discardData,
          returning: back,
          onKept: (copies) => kept.set(name, copies),
          onMissed: (missed) => {
            for (const loss of missed)
              context.note(
                `${name} ran outside a transaction and has also destroyed ${placeOf(loss)}, of which there is no copy`,
              );
          },
        });
        return { ...step, guard };
      }),
    async report(outcome, report) {
      const done = outcome.results.filter(({ state }) => state === 'done').map(({ name }) => name);
      const copies = done.flatMap((migration) =>
        (kept.get(migration) ?? []).map((copy) => ({ migration, copy })),
      );
      const rescued = copies.map(({ migration, copy: { id, loss, rows } }) => ({
        ...{ id, migration, direction, ...lossToJson(loss), rows },
        restore: restoreCommand(migration),
      }));
      const offer = await offerBack(input, direction, done);
      return {
        ...report,
        data: { ...report.data, rescued, ...offer.data },
        blocks: [...report.blocks, ...keptBlocks(copies, direction), ...offer.blocks],
        ...(offer.error && !report.error && { error: offer.error, exitCode: offer.error.exitCode }),
      };
    },
  };
}

function linesOf(
  counts: readonly StepLosses[],
  expected: ExpectedLosses | undefined,
  { discardData }: RescueFlags,
): string[] {
  const fate = discardData ? 'discarded' : 'copied to dbops_rescue first';
  const lines = counts.flatMap(({ migration, losses }) =>
    losses
      .filter(({ rows }) => rows !== 0)
      .map((count) => `${migration} ${lossSentence(count)}: ${fate}`),
  );
  const unkept = [...(expected?.stated ?? [])].flatMap(([migration, destructions]) =>
    destructions.flatMap((destruction) => {
      if (destruction.kind !== 'some-rows') return [];
      const { schema, name } = destruction.table;
      return `${migration} deletes rows of ${schema ? `${schema}.` : ''}${name} on a condition: they are not copied`;
    }),
  );
  const reason = expected?.withoutShadow;
  return [
    ...(reason === undefined
      ? []
      : [`no shadow to see what is destroyed, so the text tells: ${reason}`]),
    ...lines,
    ...unkept,
  ];
}

function toJson({ migration, losses }: StepLosses): Record<string, JsonValue>[] {
  return losses.map(({ loss, rows }) => ({ migration, ...lossToJson(loss), rows }));
}

function keptBlocks(
  copies: readonly { migration: string; copy: Kept }[],
  direction: Step['direction'],
): Block[] {
  if (copies.length === 0) return [];
  const lines = copies.map(({ migration, copy: { loss, rows } }) =>
    text(`kept ${countOf(loss, rows)} of ${placeOf(loss)}, which ${migration} has destroyed`),
  );
  const [{ migration } = { migration: '' }] = copies;
  const back = direction === 'up' ? 'down' : 'up';
  return [
    ...lines,
    text(
      `→ Back again: dbops migrate ${back}, then ${restoreCommand(migration)} (all of them: dbops rescue list)`,
    ),
  ];
}
