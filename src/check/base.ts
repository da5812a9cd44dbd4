import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import type { TrackingTableName } from '../formats/shared/tracking-table.ts';
import type { Folder, Format } from '../formats/format.ts';
import { changedMigration, type Migration } from '../migration.ts';
import { shellWord } from '../output/shell.ts';
import type { Environment } from '../output/terminal.ts';
import type { Finding } from '../report.ts';
import { exportFiles, findBase, type BaseRevision } from '../sql/git-revision.ts';
import { sameStatements } from '../sql/same-statements.ts';
import { loadedScript, upSourceOf } from '../text-file.ts';

/** The revision to compare with, and where it was named. */
export interface BaseChoice {
  revision: string;
  /** `--base`, or a variable of the CI system. */
  source: string;
}

/** Returns the base branch that was given, or that of the pull request in CI; undefined without either. */
export function chooseBase(
  given: string | undefined,
  variables: Environment,
): BaseChoice | undefined {
  if (given !== undefined) return { revision: given, source: '--base' };
  const source = branchVariables.find((name) => variables[name]);
  return source === undefined ? undefined : { revision: `origin/${variables[source]}`, source };
}

/** GitHub Actions; GitLab CI. */
const branchVariables = ['GITHUB_BASE_REF', 'CI_MERGE_REQUEST_TARGET_BRANCH_NAME'];

/** The folder as it is on the base branch, and what a merge would give. */
interface Bases {
  /** The migrations on the base branch. */
  tip: readonly Migration[];
  /** Those at the commit where this branch started; those of the tip where that is not known. */
  fork: readonly Migration[];
  /** The migrations of both branches, in their order. */
  merged: readonly Migration[];
}

/**
 * Returns findings on migrations that this branch changes, removes, or adds in the wrong place.
 *
 * @throws usage error with the git command that helps
 */
export async function findingsAgainstBase(
  folder: Folder,
  { revision }: BaseChoice,
  trackingTable?: TrackingTableName,
): Promise<Finding[]> {
  const base = await findBase(folder.directory, revision);
  const scratch = mkdtempSync(join(tmpdir(), 'dbops-base-'));
  try {
    const bases = await readBases(folder, base, { scratch, trackingTable });
    return [
      ...(await findEdited(folder, bases, base)),
      ...findRemoved(folder, bases, base),
      ...findMisplaced(folder, bases, base),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Reading {
  scratch: string;
  trackingTable?: TrackingTableName | undefined;
}

async function readBases(
  { directory, format }: Folder,
  { commit, fork }: BaseRevision,
  { scratch, trackingTable }: Reading,
): Promise<Bases> {
  const place = (name: string) => {
    const path = join(scratch, name, basename(directory));
    mkdirSync(path, { recursive: true });
    return path;
  };
  const [tip, start, merged] = [place('tip'), place('fork'), place('merged')];
  await exportFiles(directory, commit, tip);
  await exportFiles(directory, fork ?? commit, start);
  cpSync(tip, merged, { recursive: true });
  cpSync(directory, merged, { recursive: true });
  return {
    tip: migrationsIn(tip, format, trackingTable),
    fork: migrationsIn(start, format, trackingTable),
    merged: migrationsIn(merged, format, trackingTable),
  };
}

/** Reads the texts too, because the files are removed afterwards. */
function migrationsIn(
  directory: string,
  format: Format,
  trackingTable: TrackingTableName | undefined,
): Migration[] {
  const { migrations } = format.read(directory, readdirSync(directory), trackingTable);
  return migrations.map((each) => changedMigration(each, { up: loadedScript(each.up) }));
}

const unified = (migration: Migration) => upSourceOf(migration).replaceAll('\r\n', '\n');

function byName(migrations: readonly Migration[]): ReadonlyMap<string, Migration> {
  return new Map(migrations.map((migration) => [migration.name, migration]));
}

/** A file that only the base branch has changed since is not an edit of this branch. */
async function findEdited(
  { migrations }: Folder,
  { tip, fork }: Bases,
  { revision }: BaseRevision,
): Promise<Finding[]> {
  const [there, before] = [byName(tip), byName(fork)];
  const findings: Finding[] = [];
  for (const migration of migrations) {
    const published = there.get(migration.name);
    const original = before.get(migration.name) ?? published;
    if (!published || !original) continue;
    const text = unified(migration);
    if (text === unified(published) || text === unified(original)) continue;
    const isSame =
      migration.up.kind === 'sql' &&
      (await sameStatements(upSourceOf(published), upSourceOf(migration)).catch(() => false));
    findings.push(edited(migration, revision, isSame));
  }
  return findings;
}

function edited({ name, up }: Migration, revision: string, isSame: boolean): Finding {
  const file = shellWord(relative(process.cwd(), up.file));
  return {
    code: 'edited',
    severity: isSame ? 'warning' : 'error',
    message: isSame
      ? `${name} differs from ${revision} in comments or layout. Databases that have applied it record another hash.`
      : `${name} is on ${revision} and was edited. Databases that have applied it do not get the change.`,
    help: `Restore the file, and make the change in a new migration: git checkout ${shellWord(revision)} -- ${file} && dbops migrate new NAME`,
    where: { object: name },
    key: `edited:${name}`,
  };
}

function findRemoved(
  { migrations, directory }: Folder,
  { tip, fork }: Bases,
  { revision }: BaseRevision,
): Finding[] {
  const [here, before] = [byName(migrations), byName(fork)];
  const removed = tip.filter(({ name }) => !here.has(name) && before.has(name));
  return removed.map(({ name }) => ({
    code: 'removed',
    severity: 'error',
    message: `${name} is on ${revision}, and its file was removed or renamed.`,
    help: `Restore the file: git checkout ${shellWord(revision)} -- ${shellWord(relative(process.cwd(), directory) || '.')}. To undo what it does, add a new migration: dbops migrate new NAME`,
    where: { object: name },
    key: `removed:${name}`,
  }));
}

/** Finds new migrations that would run before one that is already on the base branch, or share its number. */
function findMisplaced(
  { migrations }: Folder,
  { tip, merged }: Bases,
  { revision }: BaseRevision,
): Finding[] {
  const [here, there] = [byName(migrations), byName(tip)];
  const last = merged.findLastIndex(({ name }) => there.has(name));
  return merged.flatMap(({ name, version }, at): Finding[] => {
    if (there.has(name) || !here.has(name)) return [];
    const twin = version === undefined ? undefined : tip.find((each) => each.version === version);
    if (twin)
      return [
        misplaced(
          'duplicate',
          name,
          `${name} has the same number as ${twin.name}, which is on ${revision}.`,
        ),
      ];
    const newest = merged[last]?.name ?? '';
    if (at > last) return [];
    return [
      misplaced(
        'out-of-order',
        name,
        `${name} is older than ${newest}, which is on ${revision}: a database that has applied ${newest} rejects it.`,
      ),
    ];
  });
}

function misplaced(code: string, name: string, message: string): Finding {
  return {
    code,
    severity: 'error',
    message,
    help: 'Rename it so that it comes last: dbops migrate new NAME creates a file with the next number.',
    where: { object: name },
    key: `${code}:${name}`,
  };
}
