import { usageError } from '../errors.ts';
import type { SeedSet } from './definition.ts';
import { planFeatures } from '../reference/seeds/plan-features.ts';
import { team } from '../reference/seeds/team.ts';
import { users } from '../reference/seeds/users.ts';

/** Every set, a set after those that it needs. */
export const sets: SeedSet[] = [users, planFeatures, team];

/**
 * The sets with these names and those that they need, in the order of the list; without names all.
 *
 * @throws usage error for a name that no set has
 */
export function setsNamed(names: readonly string[]): SeedSet[] {
  if (names.length === 0) return sets;
  const wanted = new Set<string>();
  const want = (name: string) => {
    wanted.add(name);
    setNamed(name).needs.forEach(want);
  };
  names.forEach(want);
  return sets.filter(({ name }) => wanted.has(name));
}

function setNamed(wanted: string): SeedSet {
  const found = sets.find(({ name }) => name === wanted);
  if (found) return found;
  const known = sets.map(({ name }) => name).join(', ');
  throw usageError('SEED.UNKNOWN', `There is no seed set ${wanted}.`, `Known sets: ${known}`);
}
