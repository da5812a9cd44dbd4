import type { Wanted } from '../../../src/shadow/replay-cache-key.ts';
import { existenceOf, factsOf, type Delta } from '../../../src/catalog/deltas.ts';
import type { Session } from '../../../src/db/session.ts';
import { DbopsError } from '../../../src/errors.ts';
import type { RowColumns } from '../../../src/formats/format.ts';
import { applyRepair } from '../../../src/repair/apply.ts';
import { diagnose, type Diagnosis } from '../../../src/repair/diagnose.ts';
import { planRepair } from '../../../src/repair/plan.ts';
import { readLive, readRows } from '../../../src/repair/read.ts';
import { exactly, imageOf } from '../../../src/repair/undo-record.ts';
import { undoRepair } from '../../../src/repair/undo.ts';
import { runInstead, type Scene } from './scene.ts';
import type { MigrationText } from './turnover.ts';

/** What a repair of a scene got wrong, a line each, and what kind of a case it was. */
export interface Outcome {
  wrong: string[];
  isProvable: boolean;
  isRepaired: boolean;
  verdicts: string[];
}

/** Lets dbops look at a scene, repair it and take the repair back, and compares with what is true. */
export async function examine(
  session: Session,
  scene: Scene,
  { wanted, steps }: { wanted: Wanted; steps: readonly MigrationText[] },
): Promise<Outcome> {
  const diagnosis = await diagnose(session, scene.folder, wanted);
  const outcome = await examineRepair(session, scene, { wanted, diagnosis });
  const wrong = await calledRunInVain(session, scene, { diagnosis, steps });
  return { ...outcome, wrong: [...outcome.wrong, ...wrong] };
}

async function examineRepair(
  session: Session,
  scene: Scene,
  { wanted, diagnosis }: { wanted: Wanted; diagnosis: Diagnosis },
): Promise<Outcome> {
  const { folder } = scene;
  const form = folder.tracking.rows;
  const { judgements, live, changesData } = diagnosis;
  const vouched = judgements.filter(
    ({ name, verdict }) => scene.applied.has(name) && verdict === 'unprovable',
  );
  const input = { judgements, migrations: folder.migrations, form, changesData };
  const assumed = new Set(vouched.map(({ name }) => name));
  const plan = planRepair({ ...input, rows: live.rows ?? [], assumed });
  const wrong = [...calledProven(scene, diagnosis), ...calledAbsent(scene, diagnosis)];
  const isProvable = provable(scene, diagnosis);
  const verdicts = judgements.map(({ verdict }) => verdict);
  if (plan.actions.length === 0)
    return {
      wrong: [...wrong, ...(isProvable ? await wrongRows(session, scene) : [])],
      isProvable,
      isRepaired: false,
      verdicts,
    };
  const look = () => exactly(session, () => imageOf(session, form.table));
  const before = await look();
  const request = { folder, wanted, plan, diagnosis, lockTimeout: 2_000 };
  const repaired = await applyRepair(session, request).catch((error: unknown) => {
    // Where objects were dropped by hand, rows that are right can contradict the catalog: nothing is written.
    if (scene.hasLost && error instanceof DbopsError && error.code === 'REPAIR.NOT_CONFIRMED')
      return undefined;
    throw error;
  });
  if (!repaired) return { wrong, isProvable, isRepaired: false, verdicts };
  if (isProvable) wrong.push(...(await wrongRows(session, scene)));
  if (JSON.stringify(repaired.prospect) !== JSON.stringify(plan.prospect))
    wrong.push(
      `foretold ${JSON.stringify(plan.prospect)}, and it is ${JSON.stringify(repaired.prospect)}`,
    );
  // Where rows refer to one another, what comes after a gap can not be recorded.
  if (isProvable && !form.isChain && 'runs' in repaired.prospect)
    for (const name of repaired.prospect.runs)
      if (scene.applied.has(name)) wrong.push(`the tool would run ${name} again`);
  await undoRepair(session, folder.tracking, 2_000);
  if (JSON.stringify(await look()) !== JSON.stringify(before))
    wrong.push('undo gives another table');
  return { wrong, isProvable, isRepaired: true, verdicts };
}

/**
 * No migration whose effects are not there is ever called proven. Where one before it was left out, what
 * one that ran has created may have other properties than in the replay.
 */
function calledProven(
  { applied, partial, claimed, hasHole }: Scene,
  { judgements, effects, facts }: Diagnosis,
): string[] {
  const mayHaveRun = (at: number) => {
    const { name = '', verdict = 'absent' } = judgements[at] ?? {};
    return [applied, partial, claimed].some((names) => names.has(name)) || verdict !== 'absent';
  };
  const isExplained = (fact: string, at: number) =>
    (effects.timelines.get(fact) ?? []).some(
      (step) => step.at > at && step.value === facts(fact) && mayHaveRun(step.at),
    );
  const hasRun = (name: string) => [applied, partial].some((names) => names.has(name));
  // What drops or renames an object does so to its properties, also to those that the replay does not show.
  const isTouchedLater = ({ fact, object }: Delta, at: number) =>
    [fact, existenceOf(object)]
      .flatMap((each) => effects.timelines.get(each) ?? [])
      .some((step) => step.at > at && hasRun(judgements[step.at]?.name ?? ''));
  return judgements.flatMap(({ name, verdict }, at) => {
    if (verdict !== 'proven' && verdict !== 'superseded') return [];
    const lacking = (effects.deltas[at] ?? []).filter(
      (delta) =>
        facts(delta.fact) !== delta.after &&
        !(delta.word !== '' && hasHole && hasRun(name)) &&
        !isTouchedLater(delta, at) &&
        !isExplained(delta.fact, at),
    );
    return lacking
      .slice(0, 2)
      .map(({ fact }) => `${name} is called ${verdict}, and ${fact} is not there`);
  });
}

/**
 * One that was left out may be called proven where the catalog would be the same with it: that is run.
 * It takes back everything in the database.
 */
async function calledRunInVain(
  session: Session,
  scene: Scene,
  { diagnosis, steps }: { diagnosis: Diagnosis; steps: readonly MigrationText[] },
): Promise<string[]> {
  const { applied, partial, claimed, changed, hasLost, hasRows } = scene;
  if (hasLost || hasRows || partial.size + claimed.size + changed.size > 0) return [];
  const vain = leftOutAndProven(scene, diagnosis);
  if (vain.length === 0) return [];
  const listed = vain.join(', ');
  if (!(await runInstead(session, steps, scene, new Set([...applied, ...vain]))))
    return [`${listed}: called proven, and with it the rest does not run`];
  const { objects } = await readLive(session, scene.folder, {
    scope: { ignore: [] },
    inTransaction: true,
  });
  const facts = factsOf(objects);
  const others = [...diagnosis.effects.timelines.keys()].filter(
    (fact) => facts(fact) !== diagnosis.facts(fact),
  );
  return others
    .slice(0, 2)
    .map((fact) => `${listed}: called proven, and with it ${fact} would be another`);
}

function leftOutAndProven({ applied }: Scene, { judgements }: Diagnosis): string[] {
  return judgements.flatMap(({ name, verdict }) =>
    !applied.has(name) && (verdict === 'proven' || verdict === 'superseded') ? [name] : [],
  );
}

/** Where nothing was lost by hand, no migration that was run is ever called absent, and no row that is right is odd. */
function calledAbsent(scene: Scene, diagnosis: Diagnosis): string[] {
  if (scene.hasLost || scene.hasHole) return [];
  const wrong = new Set(['absent', 'recorded-but-absent', 'partial']);
  return diagnosis.judgements.flatMap(({ name, verdict }, at) =>
    scene.applied.has(name) &&
    !scene.changed.has(name) &&
    wrong.has(verdict) &&
    !(verdict === 'absent' && leavesNoTrace(scene, diagnosis, at))
      ? [`${name} was run, and is called ${verdict}`]
      : [],
  );
}

/**
 * Whether the last that was run whole made nothing that the one that ran in part has not removed: the database
 * is the same as if neither had been run, and has neither row.
 */
function leavesNoTrace({ partial }: Scene, { judgements, effects, facts }: Diagnosis, at: number) {
  const later = judgements.findIndex(({ name }) => partial.has(name));
  return (
    judgements[at]?.isFollowed === false &&
    judgements[later]?.verdict === 'absent' &&
    (effects.deltas[at] ?? []).every(({ fact, before }) => {
      const steps = effects.timelines.get(fact) ?? [];
      return (
        facts(fact) === before && steps.some((step) => step.at === later && step.value === before)
      );
    })
  );
}

/** Whether nothing but the tracking table is damaged, in ways that leave something to go by. */
function provable(scene: Scene, diagnosis: Diagnosis) {
  const { partial, changed, hasLost, hasStrays, hasHole } = scene;
  if (partial.size > 0 || changed.size > 0 || hasLost || hasStrays) return false;
  // What was run without one before it may have done something else than in the replay.
  if (hasHole && diagnosis.judgements.some(({ verdict }) => verdict === 'partial')) return false;
  // The catalog is the same with and without it; see `calledRunInVain`.
  if (leftOutAndProven(scene, diagnosis).length > 0) return false;
  return diagnosis.judgements.every(
    ({ name, verdict, inCatalog }) =>
      verdict !== 'edited-changed' &&
      !(verdict === 'failed-row' && inCatalog === 'no trace') &&
      !(hasHole && scene.applied.has(name) && verdict === 'absent'),
  );
}

/** Beside the clocks and the ids that an undamaged run has. */
async function wrongRows(session: Session, { folder, before, applied }: Scene): Promise<string[]> {
  const form = folder.tracking.rows;
  const { migrations } = folder;
  const rows = (await readRows(session, form)) ?? [];
  const counting = rows.filter(({ columns }) => (form.stateOf?.(columns) ?? 'applied') !== 'void');
  // Where rows refer to one another, there can be none after a gap.
  const gap = form.isChain ? migrations.findIndex(({ name }) => !applied.has(name)) : -1;
  const names = Object.keys(migrations[0] ? form.columnsOf(migrations[0]) : {});
  const textOf = (columns: RowColumns) =>
    JSON.stringify(names.map((name) => columns[name] ?? null));
  const found = counting.map(({ columns }) => textOf(columns));
  const right = migrations.flatMap((migration, at) => {
    if (!applied.has(migration.name)) return [];
    const former = before.migrations[at] ?? migration;
    return [{ at, texts: [migration, former].map((each) => textOf(form.columnsOf(each))) }];
  });
  const lacking = right.filter(
    ({ at, texts }) => (gap < 0 || at < gap) && !texts.some((text) => found.includes(text)),
  );
  const known = right.flatMap(({ texts }) => texts);
  const extra = found.filter((text, at) => !known.includes(text) || found.indexOf(text) !== at);
  return [
    ...lacking.slice(0, 2).map(({ texts }) => `row is lacking: ${texts[0]}`),
    ...extra.slice(0, 2).map((text) => `row is too much: ${text}`),
  ];
}
