import { objectName } from '../../catalog/snapshot.ts';
import type { Check, Problem } from '../definition.ts';
import { readPolicies, sharesRole, type Policy } from '../policies.ts';

const commands = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;

function problemsOf(ofTable: readonly Policy[]): Problem[] {
  const permissive = ofTable.filter(({ isPermissive }) => isPermissive);
  return commands.flatMap((command) => {
    const ofCommand = permissive.filter((policy) => policy.commands.includes(command));
    const together = ofCommand.filter((one) =>
      ofCommand.some((other) => other !== one && sharesRole(one, other)),
    );
    const [first] = together;
    if (!first) return [];
    const object = { kind: 'table', schema: first.schema, parent: '', name: first.parent };
    const names = together.map(({ name }) => name).join(', ');
    return [
      {
        object,
        part: command,
        message: `${objectName(object)} has ${together.length} permissive policies for ${command} of the same role: ${names}.`,
        help: 'Combine them with OR if each query should evaluate one condition. Compare the other commands of each policy first: combining can widen them.',
      },
    ];
  });
}

export const multiplePermissivePolicies: Check = {
  name: 'multiple-permissive-policies',
  group: 'security',
  severity: 'info',
  isStatic: true,
  summary: 'A table has one permissive policy for each statement and role.',
  harm: 'A row is visible if any of the policies allows it: each query evaluates all of them, and one that is too wide makes the others pointless.',
  cure: 'Combine the conditions with OR in one policy, where this does not widen another statement; make conditions that must all hold RESTRICTIVE.',
  example: `CREATE TABLE notes (id bigint PRIMARY KEY, owner text, is_public boolean);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner = current_user);
CREATE POLICY published ON notes FOR SELECT USING (is_public);`,
  limits:
    'Several policies are often clearer than one, which is why this is advice. Memberships of roles in one another are not followed.',
  async find({ session }) {
    const policies = await readPolicies(session);
    const byTable = Map.groupBy(policies, ({ schema, parent }) => JSON.stringify([schema, parent]));
    return [...byTable.values()].flatMap(problemsOf);
  },
};
