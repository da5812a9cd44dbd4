import { expect, it } from 'vitest';
import { describeViolations } from '../../src/runner/failure/describe-violation.ts';

it('separates the thousands of the rows that violate a constraint', () => {
  const lines = describeViolations([
    {
      demand: { kind: 'not-null', table: { schema: 'public', name: 'customers' }, column: 'email' },
      found: { rows: 12_345, samples: [], sampled: [], isWholeTable: false, estimate: 12_000 },
    },
  ]);
  expect(lines).toEqual(['12,345 rows of public.customers have no email']);
});
