import { objectName } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import { visitorsWith } from '../privilege-sql.ts';

/**
 * PUBLIC has EXECUTE by default; a revocation from PUBLIC leaves a grant to `anon`. A trigger function cannot be
 * called, one in a schema that no other role may use cannot be reached, and one that policies or views use must be
 * executable by the roles that use them.
 */
const sql = `SELECT n.nspname AS schema, p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS name,
    CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind, p.oid::regprocedure::text AS signature,
    p.prorettype = 'boolean'::regtype AND p.provolatile <> 'v' AND NOT p.proretset AS "isQuestion", visitors
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL (SELECT ${visitorsWith("coalesce(p.proacl, acldefault('f', p.proowner))", 'EXECUTE')} AS visitors) v
  WHERE p.prosecdef AND ${isOfTeam('n', 'pg_proc', 'p.oid')}
    AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND cardinality(visitors) > 0
    AND EXISTS (SELECT FROM aclexplode(n.nspacl) g WHERE g.privilege_type = 'USAGE' AND g.grantee <> n.nspowner)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
      AND d.classid IN ('pg_policy'::regclass, 'pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass))
  ${byName('n.nspname', 'p.proname', 'oidvectortypes(p.proargtypes)')}`;

interface OpenFunction extends Record<string, unknown> {
  schema: string;
  /** With the types of its arguments. */
  name: string;
  kind: 'FUNCTION' | 'PROCEDURE';
  /** As REVOKE needs it. */
  signature: string;
  /** It answers with yes or no, and changes nothing. */
  isQuestion: boolean;
  /** PUBLIC, anon, or both. */
  visitors: string[];
}

export const publicDefinerFunction: Check = {
  name: 'public-definer-function',
  group: 'security',
  severity: 'warning',
  isStatic: true,
  summary: 'No SECURITY DEFINER function can be executed by PUBLIC or by the role anon.',
  harm: 'Every role of the server, and every user of an API that serves the schema, runs it with the rights of its owner.',
  cure: 'REVOKE EXECUTE ON FUNCTION … FROM PUBLIC (on Supabase: FROM PUBLIC, anon), and GRANT it to the roles that need it.',
  example: `CREATE FUNCTION add_credits(amount int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE wallets SET credits = credits + amount;
END $$;`,
  limits:
    'A grant to another role than anon is not reported. A function that is not VOLATILE and returns a boolean is reported as info. Not reported: trigger functions, functions in a schema that only its owner may use, and functions that policies, views, defaults or constraints call.',
  async find({ session }) {
    const functions = await session.query<OpenFunction>(sql);
    return functions.map(({ schema, name, kind, signature, isQuestion, visitors }) => {
      const object = { kind: 'function', schema, parent: '', name };
      return {
        object,
        ...(isQuestion && { severity: 'info' }),
        message: `${objectName(object)} is SECURITY DEFINER, and ${visitors.join(' and ')} may execute it.`,
        help: `Grant it to the roles that need it, then: REVOKE EXECUTE ON ${kind} ${signature} FROM ${visitors.join(', ')};`,
      };
    });
  },
};
