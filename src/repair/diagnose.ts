import { comparableOf } from '../catalog/scope.ts';
import { isDifferenceIgnored, withoutParts } from '../catalog/differences.ts';
import { isIgnored } from '../catalog/ignored.ts';
import { relocated } from '../catalog/relocation.ts';
import { factsOf, type CatalogFacts } from '../catalog/deltas.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import type { Wanted } from '../shadow/replay-cache-key.ts';
import { keyOfObject } from '../catalog/snapshot.ts';
import { spelledAlike, statesOf, type States } from '../shadow/catalog-history.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import type { FormerFile } from '../sql/git-history.ts';
import { matchFormerFiles, matchRenamedFiles, readEdits, readFormerFiles } from './edits.ts';
import { effectsOf, type Effects } from './effects.ts';
import { naturesOf, priorOf, type Nature } from './prior.ts';
import { readLive, type Live } from './read.ts';
import { declaredRows, matchRows, type TrackedRow } from './rows.ts';
import { solve, type Solution } from './solve.ts';
import { judge, type Judgement } from './verdict.ts';

/** Everything that is known of a folder, its tracking table and the database. */
export interface Diagnosis {
  judgements: Judgement[];
  live: Live;
  states: States;
  natures: readonly Nature[];
  effects: Effects;
  solution: Solution;
  /** The live catalog, spelled as the folder spells it; as objects and as facts. */
  objects: readonly SchemaObject[];
  facts: CatalogFacts;
  /** Objects of the live database that no migration makes, now or on the way. */
  unexplained: SchemaObject[];
  /** Files that rows without one were of, as git has them. */
  former: ReadonlyMap<TrackedRow, FormerFile>;
  /** Names of migrations that may change rows of tables. */
  changesData: ReadonlySet<string>;
}

/** Compares what a folder makes with what is there and what is recorded. It changes nothing. */
export async function diagnose(
  session: Session,
  folder: Folder,
  wanted: Wanted,
): Promise<Diagnosis> {
  const reading = readLive(session, folder, { scope: wanted.scope });
  reading.catch(() => {}); // a replay that fails first is reported
  const states = await statesInScope(wanted);
  const natures = await naturesOf(folder.migrations, states.skipped);
  const effects = effectsOf(states.snapshots);
  const live = await reading;
  const objects = await spelledAlike(wanted, states, placed(live, states));
  return judgeLive({ folder, wanted, states, natures, effects }, { live, objects });
}

/** What the folder makes of what the configuration does not leave out. */
async function statesInScope(wanted: Wanted): Promise<States> {
  const { snapshots, skipped } = await statesOf(wanted);
  const isOut = (object: SchemaObject) => isIgnored(object, wanted.scope);
  return { snapshots: snapshots.map((all) => all.filter((object) => !isOut(object))), skipped };
}

/** The live objects, with extensions in the schemas where the folder creates them. */
function placed({ objects, surroundings }: Live, { snapshots }: States): readonly SchemaObject[] {
  return relocated(objects, snapshots.at(-1) ?? [], surroundings.extensions);
}

/** What a folder does, as known from its replay and its texts. */
export interface Replayed {
  folder: Folder;
  wanted: Wanted;
  states: States;
  natures: readonly Nature[];
  effects: Effects;
}

/** Judges a later reading of the same database, such as the one after a change of its tracking table. */
export async function judgeAgain(
  { states, natures, effects, live: before, objects: spelled }: Diagnosis,
  { folder, wanted }: Pick<Replayed, 'folder' | 'wanted'>,
  live: Live,
): Promise<Diagnosis> {
  const objects =
    live.objects === before.objects
      ? spelled
      : await spelledAlike(wanted, states, placed(live, states));
  return judgeLive({ folder, wanted, states, natures, effects }, { live, objects });
}

interface Reading {
  live: Live;
  /** Of the live catalog, spelled as the folder spells them. */
  objects: readonly SchemaObject[];
}

async function judgeLive(replayed: Replayed, { live, objects }: Reading): Promise<Diagnosis> {
  const { folder, wanted, states, natures, effects } = replayed;
  const { migrations, tracking } = folder;
  const form = tracking.rows;
  const known = matchRows(live.rows ?? [], migrations, form);
  const matched = await matchRenamedFiles(known, folder);
  const former = await readFormerFiles(folder, matched.orphans);
  const matches = await matchFormerFiles(matched, migrations, former);
  const facts = factsOf(objects);
  const changing = migrations.filter((_, at) => natures[at]?.changesData).map(({ name }) => name);
  const changesData = new Set(changing);
  const unexplained = unexplainedOf(objects, states, live);
  const declared = declaredRows(migrations, matches.orphans, form);
  const texts = { migrations, form, matches, natures, declared, unexplained };
  const solveWith = (equivalent: ReadonlySet<string>) =>
    solve(effects, facts, priorOf({ ...texts, equivalent }));
  // Whether an edited file made what is there is asked of its text as it is now.
  const asIs = solveWith(new Set(migrations.map(({ name }) => name)));
  const edits = await readEdits({
    folder,
    wanted,
    states,
    matches,
    isAllThere: (at) => isAllThere(asIs, at) && unexplained.length === 0,
    mayChangeData: ({ name }) => changesData.has(name),
  });
  const same = [...edits].filter(([, edit]) => edit === 'equivalent').map(([name]) => name);
  const solution = edits.size > same.length ? solveWith(new Set(same)) : asIs;
  const judgements = judge({
    migrations,
    form,
    matches,
    natures,
    effects,
    solution,
    facts,
    edits,
  });
  const read = { states, natures, effects, live, objects, facts, former, changesData };
  return { ...read, judgements, solution, unexplained };
}

function isAllThere({ showings }: Solution, at: number): boolean {
  const shown = showings[at] ?? [];
  return shown.length > 0 && shown.every((each) => each === 'in' || each === 'overwritten');
}

function unexplainedOf(
  objects: readonly SchemaObject[],
  { snapshots }: States,
  { surroundings }: Live,
): SchemaObject[] {
  const made = [...new Set(snapshots.flat())];
  const known = new Set(made.map(keyOfObject));
  const strangers = comparableOf(objects, made, surroundings).filter(
    (object) => !known.has(keyOfObject(object)),
  );
  const { scope } = surroundings;
  return withoutParts(strangers).filter(
    ({ kind, name, ...rest }) =>
      !isDifferenceIgnored({ change: 'extra', object: { kind, name, ...rest } }, scope) &&
      kind !== 'extension' &&
      !kind.startsWith('publication') &&
      !(kind === 'schema' && name === 'public'),
  );
}
