import { readFileSync } from 'node:fs';
import { comparableOf } from '../catalog/scope.ts';
import { withoutParts } from '../catalog/differences.ts';
import { factsOf, type CatalogFacts } from '../catalog/deltas.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import type { Wanted } from '../shadow/replay-cache-key.ts';
import { keyOfObject } from '../catalog/snapshot.ts';
import { spelledAlike, statesOf, type States } from '../shadow/catalog-history.ts';
import type { Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { changesData, moduleChangesData } from '../sql/changes-data.ts';
import type { FormerFile } from '../sql/git-history.ts';
import { matchFormerFiles, readEdits, readFormerFiles } from './edits.ts';
import { effectsOf, solve, type Effects, type Solution } from './effects.ts';
import { readLive, type Live } from './read.ts';
import { matchRows, type Row } from './rows.ts';
import { judge, type Judgement } from './verdict.ts';

/** Everything that is known of a folder, its tracking table and the database. */
export interface Diagnosis {
  judgements: Judgement[];
  live: Live;
  states: States;
  effects: Effects;
  solution: Solution;
  /** The live catalog, spelled as the folder spells it. */
  facts: CatalogFacts;
  /** Objects of the live database that no migration makes, now or on the way. */
  unexplained: SchemaObject[];
  /** Files that rows without one were of, as git has them. */
  former: ReadonlyMap<Row, FormerFile>;
  /** Names of migrations that may change rows of tables. */
  changesData: ReadonlySet<string>;
}

/** Compares what a folder makes with what is there and what is recorded. It changes nothing. */
export async function diagnose(
  session: Session,
  folder: Folder,
  wanted: Wanted,
): Promise<Diagnosis> {
  const { migrations, tracking } = folder;
  const reading = readLive(session, folder);
  reading.catch(() => {}); // a replay that fails first is what is told
  const changing = await changingNames(migrations);
  const states = await statesOf(wanted);
  const live = await reading;
  const objects = await spelledAlike(wanted, states, live.objects);
  const effects = effectsOf(states.snapshots);
  const matched = matchRows(live.rows ?? [], migrations, tracking.rows);
  const former = await readFormerFiles(folder, matched.orphans);
  const matches = await matchFormerFiles(matched, migrations, former);
  const facts = factsOf(objects);
  const solution = solve(effects, facts, {
    recorded: migrations.map((each) => matches.owners.has(each)),
    changesData: migrations.map(({ name }) => changing.has(name)),
  });
  const unexplained = unexplainedOf(objects, states, live);
  const edits = await readEdits({
    folder,
    wanted,
    states,
    matches,
    isAllThere: (at) => isAllThere(solution, at) && unexplained.length === 0,
    mayChangeData: ({ name }) => changing.has(name),
  });
  const form = tracking.rows;
  return {
    judgements: judge({ migrations, form, matches, effects, solution, edits }),
    live,
    states,
    effects,
    solution,
    facts,
    unexplained,
    former,
    changesData: changing,
  };
}

function isAllThere({ showings }: Solution, at: number): boolean {
  const shown = showings[at] ?? [];
  return shown.length > 0 && shown.every((each) => each === 'in' || each === 'overwritten');
}

async function changingNames(migrations: readonly Migration[]): Promise<Set<string>> {
  const names = new Set<string>();
  for (const migration of migrations) if (await mayChangeData(migration)) names.add(migration.name);
  return names;
}

async function mayChangeData({ up }: Migration): Promise<boolean> {
  try {
    return up.kind === 'sql'
      ? await changesData(up.sql)
      : moduleChangesData(readFileSync(up.file, 'utf8'));
  } catch (error) {
    if (error instanceof DbopsError) return true; // the file is gone
    throw error;
  }
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
  return withoutParts(strangers).filter(
    ({ kind, name }) =>
      kind !== 'extension' &&
      !kind.startsWith('publication') &&
      !(kind === 'schema' && name === 'public'),
  );
}
