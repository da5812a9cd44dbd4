import * as z from 'zod';
import type { Session } from '../db/session.ts';
import { digest, openCache } from './cache.ts';
import { judgeIn, type SpellingDoubt } from '../catalog/differences.ts';
import { sharing, snapshotsAfter } from './expected-catalog.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { prefixKeys, withReplayer, type Wanted } from './replay-cache-key.ts';
import { isFaultOfFolder } from './replay-error.ts';
import { prepare } from './replay.ts';
import { scratchSnapshot } from './shadow-snapshot.ts';
import { inScratchTransaction, keyOfObject } from '../catalog/snapshot.ts';
import { readSnapshots, writeSnapshots } from './snapshot-cache.ts';
import {
  replayTolerantly,
  skippedShape,
  type Skipped,
  type TolerantReplay,
} from './tolerant-replay.ts';

/** The catalogs of a folder after each migration. */
export interface States {
  /** After each number of migrations, 0 included; equal objects are shared. */
  snapshots: (readonly SchemaObject[])[];
  /** Statements that fail on an empty database and were skipped. */
  skipped: Skipped[];
}

/** Milliseconds; the whole catalog is read after every migration. */
const timeLimit = 600_000;

/** Returns the complete catalog after each migration, as far as the folder replays. */
export async function statesOf(asked: Wanted): Promise<States> {
  const wanted = { ...asked, timeLimit };
  const lengths = [0, ...wanted.migrations.map((_, at) => at + 1)];
  const known = readTolerant(wanted);
  if (known) return known;
  try {
    return { snapshots: await snapshotsAfter(wanted, lengths), skipped: [] };
  } catch (error) {
    if (!isFaultOfFolder(error)) throw error;
    return takeTolerantly(wanted);
  }
}

function tolerantKeys(wanted: Wanted): string[] {
  return prefixKeys(wanted).map((key) => digest(['tolerant', key]));
}

function readTolerant(wanted: Wanted): States | undefined {
  const cache = openCache(wanted.environment);
  const keys = tolerantKeys(wanted);
  const skipped = cache.read(digest(['skipped', keys.at(-1)]), z.array(skippedShape));
  if (!skipped) return undefined;
  const stored = readSnapshots(cache, keys);
  const snapshots = keys.flatMap((key) => [stored.get(key) ?? []]);
  return stored.size === keys.length ? { snapshots, skipped } : undefined;
}

async function takeTolerantly(wanted: Wanted): Promise<States> {
  const { isRepeatable, ...states } = await withReplayer(wanted, async (shadow) => {
    const share = sharing();
    const skipped: Skipped[] = [];
    const snapshots: SchemaObject[][] = [];
    let isLasting = true;
    await stepThrough(shadow, wanted, async (_, left) => {
      skipped.push(...left.skipped);
      isLasting &&= left.isRepeatable;
      const objects = await scratchSnapshot(shadow);
      snapshots.push(objects.map(share));
    });
    return { snapshots, skipped, isRepeatable: isLasting };
  });
  // What failed for want of a package or an extension runs once that is installed.
  if (!isRepeatable) return states;
  const cache = openCache(wanted.environment);
  const keys = tolerantKeys(wanted);
  writeSnapshots(cache, new Map(states.snapshots.map((objects, at) => [keys[at] ?? '', objects])));
  cache.write(digest(['skipped', keys.at(-1)]), states.skipped);
  return states;
}

/** @param visit called with the number of migrations, and what was skipped of the last */
async function stepThrough(
  shadow: Session,
  { migrations, format }: Wanted,
  visit: (length: number, left: TolerantReplay) => Promise<void>,
): Promise<void> {
  await prepare(shadow, format);
  await visit(0, { skipped: [], isRepeatable: true });
  for (const [at, migration] of migrations.entries())
    await visit(at + 1, await replayTolerantly(shadow, migration, format));
}

const spellings = z.record(z.string(), z.string().nullable());

/**
 * Returns live objects with each expression in the text of the folder's replay where both mean the
 * same: a restored database, or another major version, has another text. Both are parsed in a
 * shadow that has the object as it was when the folder wrote the expression.
 */
export async function spelledAlike(
  asked: Wanted,
  { snapshots }: States,
  live: readonly SchemaObject[],
): Promise<readonly SchemaObject[]> {
  const wanted = { ...asked, timeLimit };
  const questions = questionsOf(snapshots, live);
  if (questions.length === 0) return live;
  const cache = openCache(wanted.environment);
  const file = digest(['spelled', prefixKeys(wanted).at(-1)]);
  const known = cache.read(file, spellings) ?? {};
  const open = questions.filter(({ key }) => known[key] === undefined);
  if (open.length > 0) {
    const { answers, isRepeatable } = await withReplayer(wanted, (shadow) =>
      ask(shadow, wanted, open),
    );
    for (const { key } of open) known[key] = answers.get(key) ?? null;
    if (isRepeatable) cache.write(file, known);
  }
  const texts = new Map<SchemaObject, Record<string, string>>();
  for (const { key, object, word } of questions) {
    const text = known[key];
    if (text) texts.set(object, { ...texts.get(object), [word]: text });
  }
  return live.map((object) => {
    const spelled = texts.get(object);
    return spelled ? { ...object, expressions: { ...object.expressions, ...spelled } } : object;
  });
}

/** A live text that occurs nowhere in the replay. */
interface Question {
  key: string;
  object: SchemaObject;
  word: string;
  candidates: Candidate[];
}

/** A text of the replay, and the number of migrations after which it first occurs. */
interface Candidate {
  length: number;
  text: string;
  object: SchemaObject;
}

function questionsOf(
  snapshots: readonly (readonly SchemaObject[])[],
  live: readonly SchemaObject[],
): Question[] {
  const spelled = new Map<string, { length: number; object: SchemaObject }[]>();
  const seen = new Set<SchemaObject>();
  for (const [length, objects] of snapshots.entries())
    for (const object of objects) {
      if (seen.has(object)) continue;
      seen.add(object);
      const key = keyOfObject(object);
      spelled.set(key, [...(spelled.get(key) ?? []), { length, object }]);
    }
  return live.flatMap((object) =>
    Object.entries(object.expressions).flatMap(([word, text]): Question[] => {
      const candidates = (spelled.get(keyOfObject(object)) ?? []).flatMap((each): Candidate[] => {
        const own = each.object.expressions[word];
        return own === undefined ? [] : [{ ...each, text: own }];
      });
      if (candidates.length === 0 || candidates.some((each) => each.text === text)) return [];
      const texts = candidates.map((each) => each.text);
      return [{ key: digest([keyOfObject(object), word, text, texts]), object, word, candidates }];
    }),
  );
}

async function ask(
  shadow: Session,
  wanted: Wanted,
  questions: readonly Question[],
): Promise<{ answers: Map<string, string>; isRepeatable: boolean }> {
  const answers = new Map<string, string>();
  let isRepeatable = true;
  await stepThrough(shadow, wanted, async (length, left) => {
    isRepeatable &&= left.isRepeatable;
    const asked = questions.flatMap(({ key, object, word, candidates }) =>
      candidates
        .filter((candidate) => candidate.length === length)
        .map((candidate) => ({
          key,
          text: candidate.text,
          doubt: doubtOf(object, word, candidate),
        })),
    );
    if (asked.length === 0) return;
    const doubts = asked.map(({ doubt }) => doubt);
    const same = await inScratchTransaction(shadow, () => judgeIn(shadow)(doubts));
    for (const [at, { key, text }] of asked.entries()) if (same[at]) answers.set(key, text);
  });
  return { answers, isRepeatable };
}

function doubtOf(live: SchemaObject, word: string, { object, text }: Candidate): SpellingDoubt {
  const pair = { expected: object, live };
  return { pair, word, expected: text, live: live.expressions[word] ?? '' };
}
