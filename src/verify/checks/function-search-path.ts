import { objectName } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/**
 * A body that the server parsed when it was created (BEGIN ATOMIC) has no names to look up. The planner inlines
 * a function in SQL only while it has no settings; in C, names are not looked up.
 */
const sql = `SELECT n.nspname AS schema, p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS name,
    p.prosecdef AS "isDefiner", CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind,
    p.oid::regprocedure::text AS signature
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  WHERE p.prokind IN ('f', 'p') AND ${isOfTeam('n', 'pg_proc', 'p.oid')}
    AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL AND (p.prosecdef OR l.lanname <> 'sql')
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s (entry) WHERE starts_with(s.entry, 'search_path='))
  ${byName('n.nspname', 'p.proname', 'oidvectortypes(p.proargtypes)')}`;

interface Unpinned extends Record<string, unknown> {
  schema: string;
  /** With the types of its arguments. */
  name: string;
  isDefiner: boolean;
  kind: 'FUNCTION' | 'PROCEDURE';
  /** As ALTER needs it. */
  signature: string;
}

export const functionSearchPath: Check = {
  name: 'function-search-path',
  group: 'security',
  severity: 'error',
  isStatic: true,
  summary: 'Every SECURITY DEFINER function sets its search_path.',
  harm: 'The caller chooses the search_path: a table or an operator in a schema of the caller, such as pg_temp, replaces the one that the function means, and runs with the rights of the owner.',
  cure: "ALTER FUNCTION … SET search_path = '' once all names in the body have their schemas; or SET search_path = app, pg_temp, with only schemas in which no other role may create objects, and pg_temp last.",
  example: `CREATE FUNCTION add_credits(amount int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE wallets SET credits = credits + amount;
END $$;`,
  limits:
    'A function with the rights of its caller is reported as info. Not reported are such functions in SQL, which the planner could not inline with a setting, functions in C, and bodies in BEGIN ATOMIC. Which schemas a search_path contains is not judged.',
  async find({ session }) {
    const functions = await session.query<Unpinned>(sql);
    return functions.map(({ schema, name, isDefiner, kind, signature }) => {
      const object = { kind: 'function', schema, parent: '', name };
      const rights = isDefiner ? 'with the rights of its owner' : 'with the rights of its caller';
      return {
        object,
        ...(!isDefiner && { severity: 'info' }),
        message: `${objectName(object)} runs ${rights} under the search_path of the caller.`,
        help: `Set its path to the schemas that its body needs: ALTER ${kind} ${signature} SET search_path = …, pg_temp;`,
      };
    });
  },
};
