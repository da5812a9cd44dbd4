import type { ObjectIdentity } from '../catalog/snapshot.ts';
import type { Skipped } from '../shadow/tolerant-replay.ts';
import { DbopsError } from '../errors.ts';
import type { RowForm } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { conditionalModule, conditionalPart, isLenient } from '../sql/conditional.ts';
import { changesData, moduleChangesData } from '../sql/changes-data.ts';
import { hasContent, isStray, type Matches, type TrackedRow } from './rows.ts';
import { strayKey, type FactDoubt, type Prior } from './world.ts';
import { sourceOf } from '../text-file.ts';

/** What the text of a migration shows about its effects. */
export interface Nature {
  /** It may change rows of tables. */
  changesData: boolean;
  /** It fails where an object that it alters or drops does not exist. */
  isStrict: boolean;
  /** Whether some statement of it may remove an object or rename it. */
  mayRemove: FactDoubt;
  /** The part of it whose effects on the catalog a replay need not show; empty without one. */
  unclear: string;
}

const lost: Nature = {
  changesData: true,
  isStrict: false,
  mayRemove: () => true,
  unclear: '',
};

/** Returns the nature of each migration, by its place. */
export function naturesOf(
  migrations: readonly Migration[],
  skipped: readonly Skipped[],
): Promise<Nature[]> {
  const partial = new Set(skipped.map(({ name }) => name));
  return Promise.all(
    migrations.map(async (migration): Promise<Nature> => {
      const { nature, source } = await readNature(migration);
      return partial.has(migration.name) ? { ...nature, unclear: source } : nature;
    }),
  );
}

async function readNature({ up }: Migration): Promise<{ nature: Nature; source: string }> {
  try {
    const source = sourceOf(up);
    const isStrict = !isLenient(source);
    const nature =
      up.kind === 'sql'
        ? { changesData: await changesData(source), unclear: await conditionalPart(source) }
        : { changesData: moduleChangesData(source), unclear: conditionalModule(source) };
    return { nature: { ...nature, isStrict, mayRemove: removalsIn(source) }, source };
  } catch (error) {
    if (error instanceof DbopsError) return { nature: lost, source: '' }; // the file no longer exists
    throw error;
  }
}

function removalsIn(source: string): FactDoubt {
  const text = source.toLowerCase();
  return /\b(?:drop|rename)\b/.test(text) ? (object) => isNamedIn(text, object) : () => false;
}

export interface PriorInput {
  migrations: readonly Migration[];
  form: RowForm;
  matches: Matches;
  natures: readonly Nature[];
  /** Names of migrations whose file has the meaning that was applied, though its hash is another. */
  equivalent: ReadonlySet<string>;
  /** Rows without a file that a migration says to replace. */
  declared: ReadonlySet<TrackedRow>;
  /** Live objects that no migration creates. */
  unexplained: readonly ObjectIdentity[];
}

/** Returns what the tracking table and the texts of the migrations show, as `solve` uses it. */
export function priorOf(input: PriorInput): Prior {
  const { migrations, matches, natures, form, declared } = input;
  const strangers = matches.orphans.filter((each) => isStray(each) && !declared.has(each.row));
  const adopted = new Map(matches.orphans.map(({ migration, by }) => [migration, by]));
  const turns = new Map([...matches.owners].map(([each, row]) => [each, turnOf(row)]));
  return {
    recorded: migrations.map((each) => matches.owners.has(each) || adopted.get(each) === 'content'),
    changesData: natures.map((each) => each.changesData),
    begun: migrations.map((each) => matches.failed.has(each) || adopted.get(each) === 'name'),
    doubts: migrations.map((each, at) => doubtOf(each, natures[at] ?? lost, input)),
    strict: natures.map(({ isStrict }) => isStrict),
    strangersUntil: Math.max(0, ...strangers.map(({ row }) => placeOf(row, migrations, form))),
    strays: new Set(input.unexplained.filter(({ parent }) => parent !== '').map(strayKey)),
    turns: migrations.map((each) => turns.get(each)),
  };
}

/** A file that was edited after it was applied, or deleted, does not show what was applied. */
function doubtOf(
  migration: Migration,
  { unclear }: Nature,
  { matches, form, equivalent }: PriorInput,
): FactDoubt | undefined {
  const row = matches.owners.get(migration);
  if (migration.isMissing) return () => true;
  if (row && isOtherThanApplied(row, migration, form) && !equivalent.has(migration.name))
    return () => true;
  if (unclear === '') return undefined;
  const text = unclear.toLowerCase();
  if (/\bcascade\b|\bexecute\s+(?!')|format\(|\|\||\$\{/.test(text)) return () => true;
  return (object) => isNamedIn(text, object);
}

function isOtherThanApplied(row: TrackedRow, migration: Migration, form: RowForm): boolean {
  const keepsHash = (form.contentOf?.(row.columns, migration) ?? null) !== null;
  return keepsHash && !hasContent(row, migration, form);
}

/** @param text in lower case */
function isNamedIn(text: string, { name, parent }: ObjectIdentity): boolean {
  const word = (parent || name).replace(/\(.*$/s, '').toLowerCase();
  return text.includes(word) || (parent !== '' && text.includes(name.toLowerCase()));
}

/** The order in which rows lie in the table is that in which they were written, as long as nobody updates them. */
function turnOf({ place }: TrackedRow): number {
  const [page = 0, line = 0] = place.replaceAll(/[()]/g, '').split(',').map(Number);
  return page * 2 ** 16 + line;
}

/** Returns the place before which the migration of a row was: by its name, number or time. */
export function placeOf(row: TrackedRow, migrations: readonly Migration[], form: RowForm): number {
  const [column = ''] = form.knownBy;
  const value = row.columns[column];
  if (value === null || value === undefined) return migrations.length;
  const keyOf = (migration: Migration) => form.columnsOf(migration)[column];
  const at = migrations.findIndex((each) => isBefore(value, keyOf(each)));
  return at < 0 ? migrations.length : at;
}

function isBefore(one: unknown, other: unknown): boolean {
  if (other === null || other === undefined) return false;
  const [left, right] = [String(one), String(other)];
  const areNumbers = /^\d+$/.test(left) && /^\d+$/.test(right);
  return areNumbers ? BigInt(left) < BigInt(right) : left < right;
}
