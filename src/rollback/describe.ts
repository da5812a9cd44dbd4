import { describeChange, describeDetail } from '../catalog/describe.ts';
import type { Difference } from '../catalog/differences.ts';
import { objectName } from '../catalog/snapshot.ts';
import type { Doubt, Rollback } from './rollback.ts';

/** `table public.users`, or `column email on public.users`. */
function nameOf({ object }: Difference): string {
  return `${object.kind} ${objectName(object)}`;
}

/** Returns what a rollback does to the schema, one line per object. */
export function changesOf({ changes }: Pick<Rollback, 'changes'>): string[] {
  return changes.map((change) => {
    if (change.change === 'extra') return `drops ${nameOf(change)}`;
    if (change.change === 'missing') return `creates ${nameOf(change)}`;
    const details = change.details.map(describeChange).join(', ');
    return `alters ${nameOf(change)}: ${details}`;
  });
}

const reasons: Record<Doubt['reason'], string> = {
  'no way': 'no rollback could be generated:',
  'down fails': 'the down migration fails in the shadow database:',
  'not as before': 'the schema after it differs from the schema before the migration:',
  rights: 'it does not restore the privileges:',
  'up fails': 'after it, the migration cannot be applied again:',
  'not copied':
    'the values that the migration dropped were not copied (-- dbops: no-rescue), and nothing restores them',
  'up differs': 'after it, applying the migration again gives another schema than the first time:',
};

/** Returns why a rollback is not proven, as lines of text. */
export function describeDoubt({ reason, details, differences }: Doubt): string[] {
  return [
    reasons[reason],
    ...details.map((line) => `  ${line}`),
    ...differences.map((difference) => `  ${describeDifference(difference)}`),
  ];
}

function describeDifference(difference: Difference): string {
  if (difference.change === 'missing') return `${nameOf(difference)} is missing`;
  if (difference.change === 'extra') return `${nameOf(difference)} is unexpected`;
  return `${nameOf(difference)}: ${difference.details.map(describeDetail).join('; ')}`;
}
