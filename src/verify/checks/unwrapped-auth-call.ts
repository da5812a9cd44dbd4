import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { callsOutsideSubqueries, wrapCalls, type RepeatedCall } from '../../sql/calls.ts';
import type { Check, Problem } from '../definition.ts';
import { judgePolicy, readPolicies, type Policy } from '../policies.ts';

/** Functions with one result per statement, as `pg_get_expr()` writes them under the path of dbops. */
const names = new Set([
  'auth.uid',
  'auth.jwt',
  'auth.role',
  'auth.email',
  'auth.user_id',
  'current_setting',
]);

async function problemsOf({ schema, parent, name, using, check }: Policy): Promise<Problem[]> {
  const callsIn = async (sql: string | null) =>
    sql === null ? [] : callsOutsideSubqueries(sql, names);
  const [inUsing, inCheck] = [await callsIn(using), await callsIn(check)];
  const calls = [...inUsing, ...inCheck];
  if (calls.length === 0) return [];
  const object = { kind: 'policy', schema, parent, name };
  const called = [...new Set(calls.map((call) => `${call.name}()`))].join(' and ');
  const clauses = [...clauseOf('USING', using, inUsing), ...clauseOf('WITH CHECK', check, inCheck)];
  return [
    {
      object,
      message: `The policy ${objectName(object)} calls ${called} for each row.`,
      help: 'Put the call into a subquery, which is evaluated once for each statement',
      fix: `ALTER POLICY ${q(name)} ON ${quoteName({ schema, name: parent })} ${clauses.join(' ')};`,
    },
  ];
}

function clauseOf(word: string, sql: string | null, calls: readonly RepeatedCall[]): string[] {
  return sql === null || calls.length === 0 ? [] : [`${word} (${wrapCalls(sql, calls)})`];
}

export const unwrappedAuthCall: Check = {
  name: 'unwrapped-auth-call',
  group: 'security',
  severity: 'warning',
  isStatic: true,
  summary:
    'Policies call auth.uid(), auth.jwt(), auth.role(), auth.email() and current_setting() in a subquery.',
  harm: 'The call is evaluated for every row that a query reads, which makes queries on large tables many times slower.',
  cure: 'Write (SELECT auth.uid()) for auth.uid(): the planner evaluates such a subquery once for each statement.',
  example: `CREATE TABLE notes (id bigint PRIMARY KEY, owner text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner = current_setting('app.user'));`,
  limits:
    'A call inside any subquery is not reported, nor is one whose arguments contain columns, nor what other functions call. Only policies of tables with row-level security are read.',
  async find({ session }) {
    const problems: Problem[] = [];
    for (const policy of await readPolicies(session))
      problems.push(...(await judgePolicy(policy, problemsOf)));
    return problems;
  },
};
