import { firstOfUser, standsAlone } from '../../catalog/kinds/kind.ts';
import { idOf, selectPieces } from './piece.ts';

const described = `(d.classoid || '.' || d.objoid)`;

/** What follows COMMENT ON. The server's names of kinds differ from the words of the statement. */
const target = `CASE
      WHEN i.type LIKE '% column' THEN 'COLUMN ' || i.identity
      WHEN i.type LIKE '% constraint' AND k.contypid <> 0 THEN format('CONSTRAINT %I ON DOMAIN %s', k.conname, k.contypid::regtype)
      WHEN i.type LIKE '% constraint' THEN format('CONSTRAINT %I ON %s', k.conname, k.conrelid::regclass)
      WHEN i.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE ' || d.objoid::regprocedure
      WHEN i.type = 'statistics object' THEN 'STATISTICS ' || i.identity
      WHEN i.type = 'composite type' THEN 'TYPE ' || i.identity
      ELSE upper(i.type) || ' ' || i.identity END`;

/** Extensions bring their comments, and the one of `public` differs between versions. */
const comment = selectPieces({
  id: `concat('comment ', ${described}, '.', d.objsubid)`,
  stage: 'comment',
  kind: `''`,
  name: `concat(i.type, ' ', i.identity)`,
  sql: `ARRAY[format('COMMENT ON %s IS %L', ${target}, d.description)]`,
  needs: `ARRAY[${described}]`,
  from: `pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
      LEFT JOIN pg_constraint k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
    WHERE d.objoid >= ${firstOfUser} AND d.classoid <> 'pg_extension'::regclass`,
});

/** An object with privileges, in SQL. */
interface Grantable {
  id: string;
  /** The words after ON, and a name to sort by. */
  object: string;
  acl: string;
  /** The privileges of a new object. */
  initial: string;
  owner: string;
  /** ` (column)` after each privilege. */
  column?: string;
  from: string;
}

/**
 * Returns a select of the privileges that were granted or revoked since the object is new. Those of the
 * owner are left out: an owner differs between databases. `ALL` includes what later versions add to it.
 */
function selectGrants(grantable: Grantable): string {
  const { id, object, acl, initial, owner, column = `''`, from } = grantable;
  return `SELECT ${id} AS id, ${object} AS object, ${column} AS part, g.grantee, g.privileges, g.option, g.verb
    FROM ${from.replace(' WHERE ', ` CROSS JOIN LATERAL (${changesOf(acl, initial, owner)}) g WHERE `)}`;
}

function changesOf(acl: string, initial: string, owner: string): string {
  const listed = (list: string) =>
    `SELECT grantee, privilege_type AS privilege, is_grantable AS option FROM aclexplode(CASE WHEN cardinality(${list}) > 0 THEN ${list} END) WHERE grantee <> ${owner}`;
  const grouped = (verb: string, from: string) => `SELECT '${verb}' AS verb, grantee, option,
      array_agg(privilege ORDER BY privilege COLLATE "C") AS privileges FROM (${from}) changed GROUP BY grantee, option`;
  return `${grouped('REVOKE', `${listed(initial)} EXCEPT ${listed(acl)}`)}
    UNION ALL ${grouped('GRANT', `${listed(acl)} EXCEPT ${listed(initial)}`)}`;
}

const relation = `CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass`;

const grantables: readonly Grantable[] = [
  {
    id: idOf('pg_namespace', 's.oid'),
    object: `format('SCHEMA %I', n.name)`,
    acl: 's.nspacl',
    // PUBLIC may use the schema public of a new database.
    initial: `acldefault('n', s.nspowner) || CASE n.name WHEN 'public' THEN ARRAY[makeaclitem(0, s.nspowner, 'USAGE', false)] ELSE '{}' END`,
    owner: 's.nspowner',
    from: `schemas n JOIN pg_namespace s ON s.oid = n.oid WHERE s.nspacl IS NOT NULL`,
  },
  {
    id: idOf('pg_class', 'c.oid'),
    object: relation,
    acl: 'c.relacl',
    initial: `acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)`,
    owner: 'c.relowner',
    from: `relations c WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
  },
  {
    id: idOf('pg_class', 'c.oid'),
    object: relation,
    column: `format(' (%I)', a.attname)`,
    acl: 'a.attacl',
    initial: `acldefault('c', c.relowner)`,
    owner: 'c.relowner',
    from: `relations c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped`,
  },
  {
    id: idOf('pg_proc', 'p.oid'),
    object: `'ROUTINE ' || p.oid::regprocedure`,
    acl: 'p.proacl',
    initial: `acldefault('f', p.proowner)`,
    owner: 'p.proowner',
    from: `pg_proc p JOIN schemas n ON n.oid = p.pronamespace WHERE p.proacl IS NOT NULL AND ${standsAlone('pg_proc', 'p.oid')}`,
  },
  {
    id: idOf('pg_type', 't.oid'),
    object: `format('TYPE %I.%I', n.name, t.typname)`,
    acl: 't.typacl',
    initial: `acldefault('T', t.typowner)`,
    owner: 't.typowner',
    from: `pg_type t JOIN schemas n ON n.oid = t.typnamespace WHERE t.typacl IS NOT NULL AND ${standsAlone('pg_type', 't.oid')}`,
  },
];

/** The role of privileges: 0 is PUBLIC. */
const roleOf = (role: string) =>
  `CASE ${role} WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(${role})) END`;

/** Whether a list has every privilege on a type of object, which a later version may have more of. */
const isWhole = (list: string, type: string) =>
  `cardinality(${list}) = (SELECT count(*) FROM aclexplode(acldefault(${type}, 10)))`;
const typeOfObject = `CASE split_part(g.object, ' ', 1)
    WHEN 'SCHEMA' THEN 'n' WHEN 'SEQUENCE' THEN 's' WHEN 'ROUTINE' THEN 'f' WHEN 'TYPE' THEN 'T' ELSE 'r' END::"char"`;

const privileges = `CASE WHEN g.part = '' AND ${isWhole('g.privileges', typeOfObject)} THEN 'ALL'
    ELSE (SELECT string_agg(p || g.part, ', ' ORDER BY p COLLATE "C") FROM unnest(g.privileges) p) END`;

const grant = selectPieces({
  id: `concat_ws(' ', 'grant', g.id, g.part, g.verb, g.grantee, g.option)`,
  stage: 'grant',
  kind: `''`,
  name: `concat_ws(' ', g.object, g.part, CASE g.verb WHEN 'REVOKE' THEN 1 ELSE 2 END, ${roleOf('g.grantee')}, g.option)`,
  sql: `ARRAY[CASE g.verb WHEN 'REVOKE' THEN format('REVOKE %s ON %s FROM %s', ${privileges}, g.object, ${roleOf('g.grantee')})
      ELSE format('GRANT %s ON %s TO %s', ${privileges}, g.object, ${roleOf('g.grantee')}) || CASE WHEN g.option THEN ' WITH GRANT OPTION' ELSE '' END END]`,
  needs: `ARRAY[g.id]`,
  from: `(${grantables.map(selectGrants).join('\n UNION ALL ')}) g`,
});

/** Defaults of all schemas start from those of the server, defaults of one schema from none. */
const typeOfDefault = `CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END`;
const defaultChanges = changesOf(
  'd.defaclacl',
  `CASE d.defaclnamespace WHEN 0 THEN acldefault(${typeOfDefault}, d.defaclrole) ELSE '{}' END`,
  'd.defaclrole',
);
const objectTypes = `CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
    WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END`;

const defaultPrivileges = selectPieces({
  id: `concat_ws(' ', ${idOf('pg_default_acl', 'd.oid')}, g.verb, g.grantee, g.option)`,
  stage: 'default privileges',
  kind: `'default privileges'`,
  schema: `coalesce(n.name, '')`,
  name: objectTypes,
  sql: `ARRAY[concat('ALTER DEFAULT PRIVILEGES', CASE WHEN d.defaclrole <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
        THEN ' FOR ROLE ' || ${roleOf('d.defaclrole')} END, ' IN SCHEMA ' || quote_ident(n.name), ' ', g.verb, ' ',
      CASE WHEN ${isWhole('g.privileges', typeOfDefault)} THEN 'ALL' ELSE array_to_string(g.privileges, ', ') END, ' ON ', upper(${objectTypes}),
      CASE g.verb WHEN 'GRANT' THEN ' TO ' ELSE ' FROM ' END, ${roleOf('g.grantee')}, CASE WHEN g.option THEN ' WITH GRANT OPTION' END)]`,
  from: `pg_default_acl d LEFT JOIN schemas n ON n.oid = d.defaclnamespace CROSS JOIN LATERAL (${defaultChanges}) g
    WHERE d.defaclnamespace = 0 OR n.oid IS NOT NULL`,
});

const publishedColumns = `' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])) || ')'`;
const published = `(SELECT string_agg(part, ', ' ORDER BY part COLLATE "C") FROM (
    SELECT concat('TABLE ', r.prrelid::regclass, ${publishedColumns}, ' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')') AS part
      FROM pg_publication_rel r WHERE r.prpubid = p.oid
    UNION ALL SELECT 'TABLES IN SCHEMA ' || s.pnnspid::regnamespace FROM pg_publication_namespace s WHERE s.pnpubid = p.oid) parts)`;
const publishes = `concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
    CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)`;

const publication = selectPieces({
  id: idOf('pg_publication', 'p.oid'),
  stage: 'publication',
  kind: `'publication'`,
  name: 'p.pubname',
  sql: `ARRAY[concat(format('CREATE PUBLICATION %I', p.pubname), CASE WHEN p.puballtables THEN ' FOR ALL TABLES' ELSE ' FOR ' || ${published} END,
      ' WITH (' || nullif(concat_ws(', ', 'publish = ' || quote_literal(nullif(${publishes}, 'insert, update, delete, truncate')),
        CASE WHEN p.pubviaroot THEN 'publish_via_partition_root = true' END,
        CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN 'publish_generated_columns = stored' END), '') || ')')]`,
  needs: `array(SELECT ${idOf('pg_class', 'r.prrelid')} FROM pg_publication_rel r WHERE r.prpubid = p.oid
      UNION ALL SELECT ${idOf('pg_namespace', 's.pnnspid')} FROM pg_publication_namespace s WHERE s.pnpubid = p.oid)`,
  from: `pg_publication p`,
});

/** What is attached to objects: comments and privileges; and what publishes them. */
export const attachmentPieces: readonly string[] = [comment, grant, defaultPrivileges, publication];
