import type { Session } from '../db/session.ts';

/** Schemas of dbops and the server. */
const systemSchemas = `'^(pg_|information_schema$|dbops$|dbops_)'`;

/** To identify the hundreds of objects of the server takes most of the time, so they are left out before. */
function isOutside(namespace: string): string {
  return `${namespace} NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ ${systemSchemas})`;
}

const catalogs: [catalog: string, prefix: string, type: string][] = [
  ['pg_class', 'rel', `CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"`],
  ['pg_proc', 'pro', `'f'`],
  ['pg_type', 'typ', `'T'`],
  ['pg_namespace', 'nsp', `'n'`],
  ['pg_language', 'lan', `'l'`],
  ['pg_foreign_data_wrapper', 'fdw', `'F'`],
  ['pg_foreign_server', 'srv', `'S'`],
];

const inSchemas = new Set(['pg_class', 'pg_proc', 'pg_type']);

const lists = catalogs.map(
  ([catalog, prefix, type]) =>
    `SELECT '${catalog}'::regclass AS class, c.oid, 0 AS part, c.${prefix}acl AS acl, c.${prefix}owner AS owner, ${type} AS type
       FROM ${catalog} c WHERE c.${prefix}acl IS NOT NULL${inSchemas.has(catalog) ? ` AND ${isOutside(`c.${prefix}namespace`)}` : ''}`,
);

/** Returns SQL for an access list as text, without the owner, who has a privilege by being the owner. */
function textOf(acl: string): string {
  return `(SELECT string_agg(concat_ws(' ', CASE e.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(e.grantee) END,
        e.privilege_type, CASE WHEN e.is_grantable THEN 'with grant option' END), ', '
      ORDER BY e.grantee, e.privilege_type)
    FROM aclexplode(${acl}) e WHERE e.grantee <> o.owner)`;
}

/** An access list that grants what is granted without one is none. */
const select = `WITH objects AS (
    ${lists.join('\n    UNION ALL ')}
    UNION ALL SELECT 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl, c.relowner, 'c'
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND ${isOutside('c.relnamespace')})
  SELECT i.type || ' ' || i.identity AS object, coalesce(${textOf('o.acl')}, '') AS rights
    FROM objects o CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, o.part) i
    WHERE coalesce(i.schema, i.name, '') !~ ${systemSchemas}
      AND ${textOf('o.acl')} IS DISTINCT FROM ${textOf('acldefault(o.type, o.owner)')}
  UNION ALL SELECT format('default privileges of %I on %s%s', pg_get_userbyid(o.owner), o.kind, o.place), coalesce(${textOf('o.acl')}, '')
    FROM (SELECT defaclacl AS acl, defaclrole AS owner, defaclobjtype AS kind,
        coalesce(' in ' || nullif(defaclnamespace, 0)::regnamespace::text, '') AS place FROM pg_default_acl) o`;

/**
 * Reads the privileges that were granted or revoked, by object, in the caller's transaction.
 *
 * @param plan the name of a prepared statement, for a session that reads many times
 */
export async function readRights(
  { client }: Session,
  plan?: string,
): Promise<ReadonlyMap<string, string>> {
  const query = { text: select, ...(plan !== undefined && { name: plan }) };
  const { rows } = await client.query<{ object: string; rights: string }>(query);
  return new Map(rows.map(({ object, rights }) => [object, rights]));
}
