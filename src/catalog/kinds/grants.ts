import { standsAlone, type Kind } from './kind.ts';

/**
 * Returns SQL for the privileges in an access list as `grantee` and `rights`, without those of the
 * owner, who differs between databases, and without MAINTAIN, which is new in PostgreSQL 17.
 *
 * @param type for `acldefault()`, the privileges of an object without an access list
 */
function rightsOf(acl: string, type: string, owner: string): string {
  return `SELECT coalesce(r.rolname, 'public') AS grantee,
      array_agg(a.privilege_type || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END
        ORDER BY a.privilege_type COLLATE "C") AS rights
    FROM aclexplode(coalesce(${acl}, acldefault(${type}, ${owner}))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> ${owner} AND a.privilege_type <> 'MAINTAIN'
    GROUP BY coalesce(r.rolname, 'public')`;
}

interface Grantable {
  schema: string;
  /** The table that owns a sequence. */
  parent: string;
  name: string;
  rights: string;
  from: string;
}

/** Returns SQL for the privileges on objects, by grantee. */
function grantsOn({ schema, parent, name, rights, from }: Grantable): string {
  return `SELECT 'grants' AS kind, ${schema} AS schema, ${parent} AS parent, ${name} AS name,
      coalesce((SELECT json_object_agg(grantee, rights ORDER BY grantee COLLATE "C") FROM (${rights}) g), '{}') AS properties,
      '{}'::json AS expressions
    FROM ${from}`;
}

const relationRights = `${rightsOf('c.relacl', `CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"`, 'c.relowner')}
    UNION ALL SELECT g.grantee || ' (' || t.attname || ')', g.rights
      FROM pg_attribute t CROSS JOIN LATERAL (${rightsOf('t.attacl', `'c'`, 'c.relowner')}) g
      WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL AND NOT t.attisdropped`;

const relations = grantsOn({
  schema: 'c.schema',
  parent: `coalesce(o.relname, '')`,
  name: 'c.relname',
  rights: relationRights,
  from: `relations c
      LEFT JOIN pg_depend d ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
      LEFT JOIN pg_class o ON o.oid = d.refobjid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
});

const functions = grantsOn({
  schema: 'n.name',
  parent: `''`,
  name: `p.proname || '(' || oidvectortypes(p.proargtypes) || ')'`,
  rights: rightsOf('p.proacl', `'f'`, 'p.proowner'),
  from: `pg_proc p JOIN schemas n ON n.oid = p.pronamespace
    WHERE ${standsAlone('pg_proc', 'p.oid')}`,
});

const types = grantsOn({
  schema: 'n.name',
  parent: `''`,
  name: 't.typname',
  rights: rightsOf('t.typacl', `'T'`, 't.typowner'),
  from: `pg_type t JOIN schemas n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('d', 'e', 'r') AND ${standsAlone('pg_type', 't.oid')}`,
});

/** The privileges on a table and its columns, a view, a sequence, a function, a type. */
export const grants: Kind = {
  name: 'grants',
  select: [relations, functions, types].join('\n    UNION ALL '),
};

/** The privileges on a schema. */
export const schemaGrants: Kind = {
  name: 'schema grants',
  select: `SELECT 'schema grants' AS kind, '' AS schema, '' AS parent, n.name AS name,
      coalesce((SELECT json_object_agg(grantee, rights ORDER BY grantee COLLATE "C")
        FROM (${rightsOf('s.nspacl', `'n'`, 's.nspowner')}) g), '{}') AS properties,
      '{}'::json AS expressions
    FROM schemas n JOIN pg_namespace s ON s.oid = n.oid`,
};

/** Default privileges, without the role whose objects they apply to. */
export const defaultPrivileges: Kind = {
  name: 'default privileges',
  select: `SELECT 'default privileges' AS kind, coalesce(n.name, '') AS schema, '' AS parent,
      CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
        WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS name,
      json_build_object('grants', array_agg(DISTINCT coalesce(r.rolname, 'public') || ' ' || a.privilege_type)) AS properties,
      '{}'::json AS expressions
    FROM pg_default_acl d LEFT JOIN schemas n ON n.oid = d.defaclnamespace
      LEFT JOIN LATERAL aclexplode(d.defaclacl) a ON a.grantee <> d.defaclrole AND a.privilege_type <> 'MAINTAIN'
      LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE d.defaclnamespace = 0 OR n.oid IS NOT NULL
    GROUP BY n.name, d.defaclobjtype`,
};
