import { isIgnored } from '../catalog/ignored.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { comparableOf, expectedOf, type Surroundings } from '../catalog/scope.ts';
import {
  fullSnapshot,
  inScratchTransaction,
  keyOfObject,
  readWithFixedSettings,
} from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import { shippedExtensions } from '../db/pglite-extensions.ts';
import type { Session } from '../db/session.ts';
import { writeSchema } from '../ddl/writer/write.ts';
import { firstFolder } from '../formats/detect.ts';
import type { Folder } from '../formats/format.ts';
import { withExpected } from '../shadow/expected-catalog.ts';
import { extensionsFor } from '../shadow/extensions.ts';
import { offlineRequest } from '../shadow/offline-request.ts';
import { withReplayer } from '../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../shadow/replay-error.ts';
import { wantedFor } from '../shadow/replay-request.ts';
import { replay } from '../shadow/replay.ts';
import { surroundingsOf } from '../shadow/surroundings.ts';
import { readTargetNames } from '../shadow/target-names.ts';
import { upSourceOf } from '../text-file.ts';
import type { Source } from './prove.ts';

/** What a command gives a dump. */
export type DumpContext = Pick<Context, 'settings' | 'signal' | 'progress' | 'note'>;

/** Objects that operators create in a database, beside those of its migrations. */
const ofOperators = new Set(['extension', 'publication', 'publication table']);

/** The parts of a folder that tell its objects from those of others. */
type KnownFolder = Pick<Folder, 'format' | 'migrations'> & {
  tracking: { tables: readonly string[] };
};

/**
 * Reads the schema of a live database.
 *
 * @param folder of its migrations; undefined for a project without any
 */
export async function readLive(
  context: DumpContext,
  session: Session,
  found: Folder | undefined,
): Promise<Source> {
  const platform = await platformOf(context, session, found);
  const { format } = firstFolder(context.settings);
  const folder: KnownFolder = found ?? { format, migrations: [], tracking: { tables: [] } };
  return readWithFixedSettings(session, async () => {
    const { scope } = context.settings;
    const all = await fullSnapshot(session, { grants: true });
    const around = await surroundingsOf(session, folder, { objects: all, scope });
    const surroundings = { ...around, given: platform.given };
    const isCreated = found ? mentions(found) : () => true;
    const outside = all.filter(
      ({ kind, schema, name }) =>
        schema === '' &&
        kind !== 'schema' &&
        kind !== 'schema grants' &&
        (!ofOperators.has(kind) || isCreated(name)),
    );
    const kept = comparableOf(all, [...platform.expected, ...outside], surroundings).filter(
      ({ kind, name }) => !ofOperators.has(kind) || isCreated(name),
    );
    return read(context, session, folder, { kept, provided: providedBy(surroundings) });
  });
}

/** In schemas of a platform, only what the migrations create is written, so they are replayed. */
async function platformOf(context: DumpContext, session: Session, folder: Folder | undefined) {
  const none = { expected: [] as readonly SchemaObject[], given: new Set<string>() };
  if (!folder?.format.platform) return none;
  const wanted = { ...(await wantedFor(context, session, folder)), grants: true };
  try {
    return await withExpected(wanted, async ({ objects, given }) => {
      const keys = new Set(given.map(keyOfObject));
      return { expected: objects.filter((each) => !keys.has(keyOfObject(each))), given: keys };
    });
  } catch (error) {
    if (!isFaultOfFolder(error)) throw error;
    context.note(`without objects in schemas of the platform: ${error.message}`);
    return none;
  }
}

/** Returns whether the text of a migration contains a name. */
function mentions({ migrations }: Folder): (name: string) => boolean {
  const text = migrations.map(upSourceOf).join('\n').toLowerCase();
  return (name) => text.includes(name.toLowerCase());
}

function providedBy({ given, platformSchemas }: Surroundings): ReadonlySet<string> {
  const schemas = platformSchemas.map((name) =>
    keyOfObject({ kind: 'schema', schema: '', parent: '', name }),
  );
  return new Set([...given, ...schemas]);
}

/** Reads the schema that the migrations of a folder create, from a replay in a shadow database. */
export async function readReplayed(context: DumpContext, folder: Folder): Promise<Source> {
  const wanted = await offlineRequest(context, folder);
  return withReplayer(wanted, async (shadow) => {
    const given = new Set<string>();
    await replay(shadow, wanted.migrations, wanted.format, async (length) => {
      if (length > 0 || !wanted.format.platform) return;
      const objects = await inScratchTransaction(shadow, () =>
        fullSnapshot(shadow, { grants: true }),
      );
      for (const object of objects) given.add(keyOfObject(object));
    });
    return inScratchTransaction(shadow, async () => {
      const all = await fullSnapshot(shadow, { grants: true });
      const { scope } = context.settings;
      const around = await surroundingsOf(shadow, folder, { objects: all, scope });
      const kept = expectedOf(all, { ...around, given });
      return read(context, shadow, folder, { kept, provided: given });
    });
  });
}

const publicSchema = { kind: 'schema', schema: '', parent: '', name: 'public' };

async function read(
  { settings, signal }: DumpContext,
  session: Session,
  { format, migrations }: KnownFolder,
  { kept: all, provided }: { kept: readonly SchemaObject[]; provided: ReadonlySet<string> },
): Promise<Source> {
  // A new database has it.
  const kept = all.filter(({ kind, name }) => kind !== 'extension' || name !== 'plpgsql');
  const keys = new Set(kept.map(keyOfObject));
  if (!isIgnored(publicSchema, settings.scope))
    keys.add(keyOfObject({ ...publicSchema, kind: 'no schema' }));
  const choice = { isKept: (key: string) => keys.has(key), provided };
  const { roles } = await readTargetNames(session);
  const { statements, pieces, written } = await writeSchema(session, choice);
  const { modules, standIns } = extensionsFor(migrations, format);
  const shipped = shippedExtensions();
  const installed = kept.flatMap(({ kind, name }) =>
    kind === 'extension' ? (shipped.get(name) ?? []) : [],
  );
  return {
    objects: kept,
    statements,
    pieces,
    written,
    choice,
    format,
    shadow: {
      server: settings.shadow,
      extensions: { modules: [...new Set([...modules, ...installed])], standIns },
      names: { isDatabaseNamed: false, roles },
      signal,
    },
  };
}
