import { quoteLiteral } from '../../db/quote.ts';
import { preparedTransactions } from '../../db/server-health.ts';
import { formatDuration } from '../../output/duration.ts';
import type { Check } from '../definition.ts';

export const preparedTransaction: Check = {
  name: 'prepared-transaction',
  group: 'server',
  severity: 'warning',
  isStatic: false,
  summary: 'No prepared transaction is older than thresholds.longTransaction (15 minutes).',
  harm: 'It keeps its locks and prevents VACUUM from removing rows, even after a restart of the server.',
  cure: 'COMMIT PREPARED or ROLLBACK PREPARED, as the coordinator of the transaction decided.',
  limits: 'Only transactions of this database are seen.',
  async find({ session, thresholds }) {
    if (session.server.kind === 'pglite') return [];
    const found = await preparedTransactions(session, thresholds.longTransaction);
    return found.map(({ name, owner, age }) => ({
      object: { kind: 'prepared transaction', schema: '', parent: '', name },
      message: `The transaction ${name} of ${owner} has been prepared for ${formatDuration(age)}.`,
      help: `End it as its coordinator decided: COMMIT PREPARED ${quoteLiteral(name)}; or ROLLBACK PREPARED ${quoteLiteral(name)};`,
    }));
  },
};
