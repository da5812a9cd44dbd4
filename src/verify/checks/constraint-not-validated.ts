import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { formatCountOf } from '../../output/number.ts';
import type { Check, Problem } from '../definition.ts';
import { rowReader } from '../read-rows.ts';
import {
  unvalidatedConstraints,
  violationsOf,
  type UnvalidatedConstraint,
  type Violations,
} from '../unvalidated.ts';

function problemOf(constraint: UnvalidatedConstraint, found: Violations | undefined): Problem {
  const { definition, schema, parent, name } = constraint;
  const object = { kind: 'constraint', schema, parent, name };
  const validate = `ALTER TABLE ${quoteName({ schema, name: parent })} VALIDATE CONSTRAINT ${q(name)};`;
  return {
    object,
    message: `${objectName(object)} is not validated; ${countOf(constraint, found)}: ${definition}`,
    ...(found && found.rows > 0
      ? { help: `Correct these rows, then validate it: ${validate}` }
      : { help: 'Validate it (does not block reads or writes)', fix: validate }),
  };
}

function countOf({ key }: UnvalidatedConstraint, found: Violations | undefined): string {
  if (!found) return 'existing rows may violate it';
  const { rows, samples } = found;
  if (rows === 0) return 'no row violates it at this moment';
  const count = rows > 1_000 ? 'more than 1,000 rows' : formatCountOf(rows, 'row');
  const more = rows > samples.length ? [...samples, '…'] : samples;
  const list = samples.length > 0 ? ` (${key.join(', ')}: ${more.join('; ')})` : '';
  return `${count} ${rows === 1 ? 'violates' : 'violate'} it${list}`;
}

export const constraintNotValidated: Check = {
  name: 'constraint-not-validated',
  group: 'integrity',
  severity: 'warning',
  isStatic: true,
  summary: 'Every constraint is validated; existing rows may violate one that is NOT VALID.',
  harm: 'Rows from before the constraint may violate it, and the planner does not rely on it.',
  cure: 'Correct the rows that violate it, then VALIDATE CONSTRAINT, which blocks neither reads nor writes.',
  example: `CREATE TABLE orders (total numeric);
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID;`,
  limits:
    'Constraints that a partition or a child inherits are reported on their parent. NOT ENFORCED constraints (PostgreSQL 18) cannot be validated: constraint-not-enforced. The rows that violate it are counted, up to 1,000, in tables of at most 256 MB, unless that takes longer than 3 seconds or calls functions of the application.',
  async find({ session, isReplay }) {
    const constraints = await session.query<UnvalidatedConstraint & Record<string, unknown>>(
      unvalidatedConstraints,
    );
    const reader = rowReader(session);
    const problems: Problem[] = [];
    for (const each of constraints)
      problems.push(problemOf(each, isReplay ? undefined : await violationsOf(reader, each)));
    return problems;
  },
};
