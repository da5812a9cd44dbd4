import { hidesSessions, longTransactions } from '../../db/server-health.ts';
import { formatDuration } from '../../output/duration.ts';
import { formatCountOf } from '../../output/number.ts';
import { NotChecked, type Check } from '../definition.ts';

export const longTransaction: Check = {
  name: 'long-transaction',
  group: 'server',
  severity: 'warning',
  isStatic: false,
  summary: 'No transaction is open for longer than thresholds.longTransaction (15 minutes).',
  harm: 'VACUUM removes no row that has died since the transaction began, in no table; its locks block migrations.',
  cure: 'End the session with pg_terminate_backend(). Set idle_in_transaction_session_timeout, and look for code that waits inside a transaction.',
  limits:
    'Only sessions of this database at this moment are seen. The transactions of other roles are hidden without the role pg_read_all_stats: then the check is reported as not checked. A dump is reported, too.',
  async find({ session, thresholds }) {
    if (session.server.kind === 'pglite') return [];
    if (await hidesSessions(session))
      throw new NotChecked(
        'the sessions of other roles are hidden',
        'Connect as a role with pg_read_all_stats, which pg_monitor contains.',
      );
    const found = await longTransactions(session, thresholds.longTransaction);
    return found.map(({ role, application, sessions, pid, age }) => ({
      object: { kind: 'role', schema: '', parent: '', name: role },
      ...(application !== '' && { part: application }),
      message: `${formatCountOf(sessions, 'session')} of ${role}${application === '' ? '' : ` (${application})`} ${sessions === 1 ? 'keeps a transaction' : 'keep transactions'} open, the oldest for ${formatDuration(age)}.`,
      help: `Find out what it waits for, or end it: SELECT pg_terminate_backend(${pid});`,
    }));
  },
};
