import type { DatabaseError } from 'pg';
import { quoteIdentifier } from '../../db/quote.ts';
import type { Server } from '../../db/session.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { quotedNames } from '../../sql/quoted-names.ts';

/** What a statement needs and no migration can provide: it belongs to the server, not to the file. */
export interface MissingOnServer {
  kind: 'extension' | 'role' | 'tablespace' | 'language' | 'library' | 'preloaded library';
  name: string;
}

/** By the place in the server's sources: the message comes in the server's language. */
const kindOfRoutine: Partial<Record<string, MissingOnServer['kind']>> = {
  parse_extension_control_file: 'extension',
  get_role_oid: 'role',
  get_rolespec_oid: 'role',
  get_rolespec_tuple: 'role',
  AlterRole: 'role',
  get_tablespace_oid: 'tablespace',
  get_language_oid: 'language',
  internal_load_library: 'library',
  load_file: 'library',
};

/** SET ROLE reports a missing role as an invalid value of the setting. */
const missingRole = /^role ["“]([^"”]+)["”] does not exist$/;
const missingLanguage = /^language ["“]([^"”]+)["”] does not exist$/;

const codes: ReadonlySet<string> = new Set([
  sqlstate.undefinedObject,
  sqlstate.featureNotSupported,
  sqlstate.undefinedFile,
]);

/** Returns what the server lacks, when that is why a statement failed. */
export function missingOnServer(cause: unknown): MissingOnServer | undefined {
  const { routine = '', code = '', message = '' } = cause as Partial<DatabaseError>;
  if (/shared_preload_libraries/.test(message))
    return { kind: 'preloaded library', name: /^(\w+) /.exec(message)?.[1] ?? 'the library' };
  const role = missingRole.exec(message)?.[1];
  if (role !== undefined) return { kind: 'role', name: role };
  const language = missingLanguage.exec(message)?.[1];
  if (language !== undefined) return { kind: 'language', name: language };
  const kind = codes.has(code) ? kindOfRoutine[routine] : undefined;
  const [name] = quotedNames(message);
  return kind && name !== undefined ? { kind, name } : undefined;
}

/** Returns what to do about it. @param again the command to run afterwards */
export function provide(
  { kind, name }: MissingOnServer,
  engine: Server['kind'],
  again: string,
): string {
  if (engine === 'pglite' && kind !== 'role')
    return `The embedded engine does not have the ${kind} ${name}. Use a PostgreSQL server that has it: --database-url postgres://…`;
  const quoted = quoteIdentifier(name);
  const ways: Record<MissingOnServer['kind'], string> = {
    extension: `Install the extension ${name} on the server (as a package of its operating system, or in the settings of the hosting provider)`,
    library: `Install ${name} on the server`,
    'preloaded library': `Add ${name} to shared_preload_libraries on the server and restart it`,
    role: `Create the role: CREATE ROLE ${quoted};`,
    tablespace: `Create the tablespace: CREATE TABLESPACE ${quoted} LOCATION '…';`,
    language: `Create the language, and install it on the server if that fails: CREATE EXTENSION ${quoted};`,
  };
  return `${ways[kind]} Then: ${again}`.replace(/(?<![;.]) Then: /, ', then: ');
}
