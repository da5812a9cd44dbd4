import { describeDetail } from '../catalog/describe.ts';
import type { Difference } from '../catalog/differences.ts';
import { objectName } from '../catalog/snapshot.ts';
import type { Doubt, Rollback } from './rollback.ts';

/** `table public.users`, or `column email on public.users`. */
function nameOf({ object }: Difference): string {
  return `${object.kind} ${objectName(object)}`;
}

/** What a rollback does to the catalog, a line each. */
export function changesOf({ changes }: Rollback): string[] {
  return changes.map((change) => {
    if (change.change === 'extra') return `takes away ${nameOf(change)}`;
    if (change.change === 'missing') return `brings back ${nameOf(change)}`;
    const details = change.details.map(({ word }) => word).join(', ');
    return `gives ${nameOf(change)} back its ${details}`;
  });
}

const reasons: Record<Doubt['reason'], string> = {
  'no way': 'no way back could be derived:',
  'down fails': 'its own rollback fails in the shadow:',
  'not as before': 'the catalog after it is not the one that was before the migration:',
  rights: 'it does not give the rights back as they were:',
  'up fails': 'after it, the migration can not be applied again:',
  'up differs': 'after it, the migration makes something else than the first time:',
};

/** Why a rollback is not proven, a line each. */
export function describeDoubt({ reason, details, differences }: Doubt): string[] {
  return [
    reasons[reason],
    ...details.map((line) => `  ${line}`),
    ...differences.map((difference) => `  ${describeDifference(difference)}`),
  ];
}

function describeDifference(difference: Difference): string {
  if (difference.change === 'missing') return `${nameOf(difference)} is missing`;
  if (difference.change === 'extra') return `${nameOf(difference)} should not be there`;
  return `${nameOf(difference)}: ${difference.details.map(describeDetail).join('; ')}`;
}
