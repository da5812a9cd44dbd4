import { nameOf } from '../catalog/fact.ts';
import type { Delta } from '../catalog/diff.ts';
import { replaceStatement, repairStatement } from '../catalog/statement.ts';
import type { Finding } from '../report.ts';
import type { Check } from './check.ts';

function toFinding(delta: Delta): Finding {
  const fact = delta.change === 'extra' ? delta.live : delta.expected;
  const code = `${delta.change}-${fact.kind}`;
  return {
    code,
    severity: delta.change === 'extra' ? 'warning' : 'error',
    message: messageOf(delta),
    help: helpFor(delta),
    where: {
      object: nameOf(fact),
      ...(delta.change !== 'extra' &&
        delta.expected.migration && { migration: delta.expected.migration }),
    },
    key: `${code}:${nameOf(fact)}`,
  };
}

function messageOf(delta: Delta): string {
  if (delta.change === 'different')
    return `${nameOf(delta.expected)} is ${delta.live.definition}, but its migration makes it ${delta.expected.definition}.`;
  if (delta.change === 'extra')
    return `${nameOf(delta.live)} is made by no applied migration: ${delta.live.definition}`;
  return `${nameOf(delta.expected)} is not there: ${delta.expected.definition}`;
}

function helpFor(delta: Delta): string {
  if (delta.change === 'extra')
    return 'Put it into a migration (dbops migrate new NAME) if it is wanted, or drop it.';
  if (delta.expected.kind === 'table')
    return 'Restore it from a backup, or roll back to before its migration and apply it again.';
  return delta.change === 'missing'
    ? `Make it again: ${repairStatement(delta.expected)};`
    : `Make it as its migration does: ${replaceStatement(delta.expected)};`;
}

export const schemaObjects: Check = {
  name: 'schema-objects',
  group: 'schema',
  summary:
    'Every table, constraint and index is as the applied migrations make it, and there is no other.',
  run: async ({ deltas }) => deltas.map(toFinding),
  examples: [
    {
      breaks: 'ALTER TABLE purchases DROP CONSTRAINT check_amount_positive',
      mends:
        'ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0)',
      finding: 'missing-constraint',
    },
    {
      breaks: `ALTER TABLE purchases DROP CONSTRAINT check_amount_positive;
        ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents > 0)`,
      mends: `ALTER TABLE purchases DROP CONSTRAINT check_amount_positive;
        ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0)`,
      finding: 'different-constraint',
    },
    {
      breaks:
        'ALTER TABLE purchases ADD CONSTRAINT purchases_big CHECK (amount_paid_cents < 1000000)',
      mends: 'ALTER TABLE purchases DROP CONSTRAINT purchases_big',
      finding: 'extra-constraint',
    },
    {
      breaks: 'DROP INDEX idx_purchases_created_at',
      mends: 'CREATE INDEX idx_purchases_created_at ON purchases (created_at)',
      finding: 'missing-index',
    },
    {
      breaks:
        'DROP INDEX idx_purchases_created_at; CREATE INDEX idx_purchases_created_at ON purchases (created_at DESC)',
      mends:
        'DROP INDEX idx_purchases_created_at; CREATE INDEX idx_purchases_created_at ON purchases (created_at)',
      finding: 'different-index',
    },
    {
      breaks: 'CREATE INDEX purchases_by_status ON purchases (status)',
      mends: 'DROP INDEX purchases_by_status',
      finding: 'extra-index',
    },
    {
      breaks: 'ALTER TABLE posts RENAME TO old_posts',
      mends: 'ALTER TABLE old_posts RENAME TO posts',
      finding: 'missing-table',
    },
    {
      breaks: 'CREATE TABLE by_hand (id int)',
      mends: 'DROP TABLE by_hand',
      finding: 'extra-table',
    },
  ],
};
