import type { Drift } from '../../shadow/drift.ts';
import { describeDetail } from '../../catalog/describe.ts';
import { objectName } from '../../catalog/snapshot.ts';
import type { Finding } from '../../report.ts';
import type { Check } from '../definition.ts';
import { repairOf } from '../repair.ts';

function toFinding(drift: Drift): Finding {
  const { change, object, migration, definitions } = drift;
  const code = `${change}-${object.kind.replaceAll(' ', '-')}`;
  const name = objectName(object);
  return {
    code,
    severity: change === 'extra' ? 'warning' : 'error',
    message: messageOf(drift, name),
    help: helpFor(drift),
    where: { object: name, ...(migration && { migration }) },
    key: `${code}:${name}`,
    ...(Object.keys(definitions).length > 0 && { definitions }),
  };
}

function messageOf(drift: Drift, name: string): string {
  const { expected, live } = drift.definitions;
  if (drift.change === 'missing') return `${name} is not there${shown(expected)}`;
  if (drift.change === 'extra') return `${name} is made by no applied migration${shown(live)}`;
  if (expected && live && expected !== live && expected.length + live.length < longest)
    return `${name} is ${live}, but its migration makes it ${expected}.`;
  return `${name} is not as its migration makes it: ${drift.details.map(describeDetail).join('; ')}`;
}

const longest = 400;

function shown(definition: string | undefined): string {
  return definition && definition.length < longest ? `: ${definition}` : '.';
}

function helpFor(drift: Drift): string {
  const repair = repairOf(drift);
  if (drift.change === 'extra')
    return `Put it into a migration (dbops migrate new NAME) if it is wanted, or drop it${repair ? `: ${repair};` : '.'}`;
  const isLost = drift.object.kind === 'table' && drift.change === 'missing';
  if (repair && !isLost)
    return drift.change === 'missing'
      ? `Make it again: ${repair};`
      : `Make it as its migration does: ${repair};`;
  if (isLost)
    return `Its rows are gone: restore it from a backup${repair ? `, or make it anew without them: ${repair};` : '.'}`;
  return drift.migration
    ? `Make it as ${drift.migration} does, or put the change into a new migration (dbops migrate new NAME).`
    : 'Make it as its migration does, or put the change into a new one (dbops migrate new NAME).';
}

/** Values that a check of health tells of, with a better way out. */
const ofHealth: Readonly<Record<string, unknown>> = {
  valid: false,
  ready: false,
  validated: false,
  'not null not validated': true,
};

function isHealth(drift: Drift): boolean {
  const isRelations = drift.object.kind !== 'domain constraint';
  return (
    isRelations &&
    drift.change === 'different' &&
    drift.details.every(({ word, live }) => word in ofHealth && ofHealth[word] === live)
  );
}

/** Somebody makes it right this moment: it is invalid until it is done. */
function isBeingBuilt(drift: Drift): boolean {
  return drift.change === 'different' && drift.details.some(({ word }) => word === 'being built');
}

export const schemaObjects: Check = {
  name: 'schema-objects',
  group: 'schema',
  summary:
    'Every object of the schema is as the applied migrations make it, and there is no other.',
  run: async ({ drift, groups }) =>
    drift
      .filter((each) => !isBeingBuilt(each) && !(groups.has('health') && isHealth(each)))
      .map(toFinding),
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
