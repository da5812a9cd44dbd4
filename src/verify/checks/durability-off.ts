import { needsConsent, readLabel } from '../../db/meta.ts';
import { unsafeSettings } from '../../db/server-health.ts';
import { withSavepoint, type Session } from '../../db/session.ts';
import { isRightMissing } from '../../db/refusal.ts';
import type { Check } from '../definition.ts';

/** A query for a table that does not exist would end the transaction. */
const labelTable = `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'dbops' AND c.relname = 'meta'`;

/** A database on this machine, or one whose label is not `production`, may be one to throw away. */
async function isScratch(session: Session): Promise<boolean> {
  const unknown = { name: null, isProtected: false };
  const [table] = await session.query(labelTable);
  if (!table) return !needsConsent(session, unknown);
  const label = await withSavepoint(session, () => readLabel(session)).catch((error: unknown) => {
    if (isRightMissing(error)) return unknown;
    throw error;
  });
  return !needsConsent(session, label);
}

export const durabilityOff: Check = {
  name: 'durability-off',
  group: 'server',
  severity: 'error',
  isStatic: false,
  summary: 'fsync and full_page_writes are on.',
  harm: 'A crash of the machine can leave the whole cluster corrupt, beyond repair.',
  cure: 'ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf(). For faster commits, use synchronous_commit = off, which loses at most the last transactions.',
  limits:
    'Reported as info where the database is on this machine and has no label, or has another label than production: servers for tests are faster without. Some file systems write whole pages and need no full_page_writes.',
  async find({ session }) {
    if (session.server.kind === 'pglite') return [];
    const settings = await unsafeSettings(session);
    if (settings.length === 0) return [];
    const isHarmless = await isScratch(session);
    return settings.map((name) => ({
      object: { kind: 'setting', schema: '', parent: '', name },
      ...(isHarmless && { severity: 'info' as const }),
      message: `${name} is off: a crash of the machine can corrupt the cluster.`,
      help: `Unless the data can be lost: ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf();`,
    }));
  },
};
