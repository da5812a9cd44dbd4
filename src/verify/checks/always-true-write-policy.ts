import { objectName } from '../../catalog/snapshot.ts';
import { isAlwaysTrue } from '../../sql/constant.ts';
import type { Check, Problem } from '../definition.ts';
import { judgePolicy, readPolicies, type Policy } from '../policies.ts';

/** Roles of users, whom a policy is expected to restrict; a policy may give all rows to a role of a server. */
const rolesOfUsers = new Set(['public', 'anon', 'authenticated']);

/** What a policy does not restrict. */
interface Opening {
  commands: ('INSERT' | 'UPDATE' | 'DELETE')[];
  /** The clauses that are always true. */
  clauses: string[];
}

/** An expression that is absent gives no access; WITH CHECK is that of USING where it is absent. */
async function openingOf({ commands, using, check }: Policy): Promise<Opening> {
  const isOpen = async (sql: string | null) => sql !== null && isAlwaysTrue(sql);
  const isUsingOpen = await isOpen(using);
  const isCheckOpen = check === null ? isUsingOpen : await isOpen(check);
  const isUnrestricted = {
    INSERT: isCheckOpen,
    UPDATE: isUsingOpen || isCheckOpen,
    DELETE: isUsingOpen,
  };
  return {
    commands: commands
      .filter((command) => command !== 'SELECT')
      .filter((command) => isUnrestricted[command]),
    clauses: [
      ...(isUsingOpen ? ['USING'] : []),
      ...(check !== null && isCheckOpen ? ['WITH CHECK'] : []),
    ],
  };
}

/** A restrictive policy limits what all permissive ones give. */
async function isRestricted(
  policy: Policy,
  { commands }: Opening,
  others: readonly Policy[],
): Promise<boolean> {
  for (const other of others) {
    const isForAll = commands.every((command) => other.commands.includes(command));
    const isOfAll =
      other.roles.includes('public') || policy.roles.every((role) => other.roles.includes(role));
    if (other.isPermissive || !isForAll || !isOfAll) continue;
    const left = await openingOf(other);
    if (!commands.some((command) => left.commands.includes(command))) return true;
  }
  return false;
}

async function problemsOf(policy: Policy, ofTable: readonly Policy[]): Promise<Problem[]> {
  const { schema, parent, name, roles, isPermissive } = policy;
  if (!isPermissive || !roles.some((role) => rolesOfUsers.has(role))) return [];
  const opening = await openingOf(policy);
  if (opening.commands.length === 0 || (await isRestricted(policy, opening, ofTable))) return [];
  const object = { kind: 'policy', schema, parent, name };
  const clauses = opening.clauses.join(' and ');
  return [
    {
      object,
      message: `The policy ${objectName(object)} does not restrict ${opening.commands.join(', ')} by ${roles.join(', ')}: ${clauses} ${opening.clauses.length > 1 ? 'are' : 'is'} always true.`,
      help: 'Write the condition that the rows of the user fulfil, or name the roles of servers in TO.',
    },
  ];
}

export const alwaysTrueWritePolicy: Check = {
  name: 'always-true-write-policy',
  group: 'security',
  severity: 'warning',
  isStatic: true,
  summary: 'No policy lets every user insert, update or delete any row.',
  harm: 'Every user changes the rows of all others, although row-level security is enabled.',
  cure: 'Write a condition on the owner of the row into USING and WITH CHECK. If only a server writes, name its role: CREATE POLICY … TO app_server.',
  example: `CREATE TABLE notes (id bigint PRIMARY KEY, owner text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON notes FOR UPDATE USING (true);`,
  limits:
    'Conditions are folded as far as they consist of constants: true, 1 = 1, NOT false, true OR x. Policies for SELECT are not reported, nor are those for other roles than PUBLIC, anon and authenticated, nor those that a restrictive policy limits. A form that everyone may send is reported: allow it in the baseline.',
  async find({ session }) {
    const policies = await readPolicies(session);
    const byTable = Map.groupBy(policies, ({ schema, parent }) => JSON.stringify([schema, parent]));
    const problems: Problem[] = [];
    for (const ofTable of byTable.values())
      for (const policy of ofTable)
        problems.push(...(await judgePolicy(policy, (each) => problemsOf(each, ofTable))));
    return problems;
  },
};
