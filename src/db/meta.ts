import { sqlstate } from './sqlstate.ts';
import { codeOf } from './connection-error.ts';
import { ensureOwnSchema } from './own-schema.ts';
import { readOnce, transaction, type Session } from './session.ts';
import { isLocal } from './target.ts';

/** The environment label, stored in the database so that no environment variable can contradict it. */
export interface EnvironmentLabel {
  /** Such as `production`; `null` when no label is set. */
  name: string | null;
  isProtected: boolean;
}

export async function readLabel(session: Session): Promise<EnvironmentLabel> {
  try {
    const rows = await readOnce<{ key: string; value: string }>(
      session,
      'SELECT key, value FROM dbops.meta',
    );
    const values = new Map(rows.map(({ key, value }) => [key, value]));
    return {
      name: values.get('environment') ?? null,
      isProtected: values.get('protected') === 'true',
    };
  } catch (error) {
    if (codeOf(error) === sqlstate.undefinedTable) return { name: null, isProtected: false };
    throw error;
  }
}

export async function writeLabel(
  session: Session,
  { name, isProtected }: EnvironmentLabel,
): Promise<void> {
  await transaction(session, async () => {
    await session.script(`${ensureOwnSchema}
      CREATE TABLE IF NOT EXISTS dbops.meta (key text CONSTRAINT meta_pkey PRIMARY KEY, value text NOT NULL)`);
    await session.query(
      `INSERT INTO dbops.meta (key, value) VALUES ('environment', $1), ('protected', $2)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [name ?? '', String(isProtected)],
    );
  });
}

/**
 * Returns whether changing the database requires its name as consent: it is protected, labelled
 * production, or remote without a label.
 */
export function needsConsent(session: Session, { name, isProtected }: EnvironmentLabel): boolean {
  return isProtected || name === 'production' || (name === null && !isLocal(session.target));
}
