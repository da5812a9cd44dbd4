import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import {
  fullSnapshot,
  inScratchTransaction,
  keyOfObject,
  objectName,
} from '../../catalog/snapshot.ts';
import type { Context } from '../../context.ts';
import { withSavepoint, type Session } from '../../db/session.ts';
import { DbopsError, messageOf } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import type { Finding } from '../../report.ts';
import { offlineRequest } from '../../shadow/offline-request.ts';
import { withReplayer } from '../../shadow/replay-cache-key.ts';
import { replay } from '../../shadow/replay.ts';
import { checks } from '../checks/index.ts';
import type { VerifySettings } from '../declaration.ts';
import { staticFindings } from '../run-on-replay.ts';

/** What a shadow database showed of the SQL of one finding. */
export interface Fix {
  finding: Finding;
  sql: string;
  /** `proven`: the finding is no longer found, and nothing else changed; `open`: a replay does not have the finding. */
  proof: 'proven' | 'open' | 'refuted';
  /** Why it is not proven. */
  reason?: string;
}

/**
 * Runs the SQL of findings on a replay of the folder, one after the other, and runs their checks again.
 *
 * @param findings each with `fix`, in the order in which they run
 */
export async function proveFixes(
  context: Pick<Context, 'settings' | 'signal' | 'progress'>,
  folder: Folder,
  findings: readonly Finding[],
  settings: VerifySettings,
): Promise<Fix[]> {
  const fixes = findings.map((finding) => ({ finding, sql: finding.fix ?? '' }));
  if (fixes.length === 0) return [];
  const wanted = await offlineRequest(context, folder);
  try {
    return await withReplayer(wanted, async (shadow) => {
      await replay(shadow, wanted.migrations, wanted.format);
      return inScratchTransaction(shadow, () => proveEach(shadow, folder, fixes, settings));
    });
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    const reason = `the folder does not replay: ${error.message}`;
    return fixes.map((fix) => ({ ...fix, proof: 'open', reason }));
  }
}

async function proveEach(
  shadow: Session,
  folder: Folder,
  fixes: readonly Pick<Fix, 'finding' | 'sql'>[],
  settings: VerifySettings,
): Promise<Fix[]> {
  const found = async () => staticFindings(shadow, folder, checks, settings);
  let before = { findings: await found(), objects: await fullSnapshot(shadow) };
  const proven: Fix[] = [];
  for (const fix of fixes) {
    if (!before.findings.some(({ key }) => key === fix.finding.key)) {
      proven.push({ ...fix, proof: 'open', reason: 'the migrations alone do not produce it' });
      continue;
    }
    try {
      before = await withSavepoint(shadow, async () => {
        await shadow.script(inTransaction(fix.sql));
        const after = { findings: await found(), objects: await fullSnapshot(shadow) };
        assertOnly(fix.finding, before, after);
        return after;
      });
      proven.push({ ...fix, proof: 'proven' });
    } catch (error) {
      proven.push({ ...fix, proof: 'refuted', reason: messageOf(error) });
    }
  }
  return proven;
}

interface State {
  findings: readonly Finding[];
  objects: readonly SchemaObject[];
}

/** @throws when the finding is still there, another one is new, or an object of another table changed */
function assertOnly({ key, where }: Finding, before: State, after: State): void {
  const keys = new Set(before.findings.map((each) => each.key));
  const added = after.findings.find((each) => !keys.has(each.key));
  if (after.findings.some((each) => each.key === key)) throw new Error('the finding remains');
  if (added) throw new Error(`it adds the finding ${added.key}`);
  const strange = changed(before.objects, after.objects).find(
    (object) => !isNear(object, where.object),
  );
  if (strange) throw new Error(`it also changes ${strange.kind} ${strange.name}`);
}

function changed(before: readonly SchemaObject[], after: readonly SchemaObject[]): SchemaObject[] {
  const textOf = ({ properties, expressions }: SchemaObject) =>
    JSON.stringify([properties, expressions]);
  const old = new Map(before.map((object) => [keyOfObject(object), object]));
  const current = new Map(after.map((object) => [keyOfObject(object), object]));
  const gone = before.filter((object) => !current.has(keyOfObject(object)));
  const others = after.filter((object) => {
    const known = old.get(keyOfObject(object));
    return !known || textOf(known) !== textOf(object);
  });
  return [...gone, ...others];
}

/** Returns whether an object is the one that a finding names, or of the same table. */
function isNear(object: SchemaObject, found: string): boolean {
  const { parent } = object;
  const table = parent ? objectName({ ...object, parent: '', name: parent }) : objectName(object);
  return (
    objectName(object) === found ||
    table === found.slice(found.lastIndexOf(' on ') + 1).replace(/^on /, '')
  );
}

/** CONCURRENTLY does not run in a transaction, and the shadow has nobody to wait for. */
function inTransaction(sql: string): string {
  const concurrent =
    /^(CREATE (?:UNIQUE )?INDEX|DROP INDEX|REINDEX (?:INDEX|TABLE)|REFRESH MATERIALIZED VIEW) CONCURRENTLY /gm;
  return sql.replaceAll(concurrent, '$1 ');
}
