import { quoteLiteral } from '../../db/quote.ts';
import { inactiveSlots, type InactiveSlot } from '../../db/server-health.ts';
import { formatDuration } from '../../output/duration.ts';
import { formatCount } from '../../output/number.ts';
import type { Check, Problem } from '../definition.ts';

function problemOf({ name, isLogical, isLost, retained, age }: InactiveSlot): Problem {
  const kind = isLogical ? 'logical' : 'physical';
  const since = age === null ? '' : ` for ${formatDuration(age)}`;
  const kept = isLost
    ? 'its WAL has been removed'
    : `the server keeps ${retained === null ? 'WAL' : `${formatCount(retained / 1_000_000n)} MB of WAL`} for it`;
  return {
    object: { kind: 'replication slot', schema: '', parent: '', name },
    message: `The ${kind} replication slot ${name} has been inactive${since}: ${kept}.`,
    help: `Reconnect its subscriber, or drop it: SELECT pg_drop_replication_slot(${quoteLiteral(name)});`,
  };
}

export const inactiveSlot: Check = {
  name: 'inactive-slot',
  group: 'server',
  severity: 'warning',
  isStatic: false,
  summary: 'Every replication slot is read.',
  harm: 'The server keeps all WAL since the slot was last read, until the disk is full; a logical slot also prevents VACUUM from cleaning the catalogs.',
  cure: 'Reconnect the subscriber or the replica, or drop the slot. max_slot_wal_keep_size limits what the server keeps.',
  limits:
    'From PostgreSQL 17 on, a slot must be inactive for longer than thresholds.longTransaction; older servers do not say since when, so that every inactive slot is reported. Logical slots of other databases are not seen.',
  async find({ session, thresholds }) {
    if (session.server.kind === 'pglite') return [];
    return (await inactiveSlots(session, thresholds.longTransaction)).map(problemOf);
  },
};
