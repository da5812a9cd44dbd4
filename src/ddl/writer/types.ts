import { standsAlone } from '../../catalog/kinds/kind.ts';
import { idOf, selectPieces, sequenceLimits, sequenceOptions } from './piece.ts';

/** ` COLLATE name` where a collation differs from that of its type. */
const collated = (collation: string, ofType: string) =>
  `CASE WHEN ${collation} <> ${ofType} THEN ' COLLATE ' || ${collation}::regcollation END`;

const schema = selectPieces({
  id: idOf('pg_namespace', 'n.oid'),
  stage: 'schema',
  kind: `'schema'`,
  name: 'n.name',
  sql: `CASE WHEN n.name = 'public' THEN ARRAY[]::text[] ELSE ARRAY[format('CREATE SCHEMA %I', n.name)] END`,
  from: `schemas n WHERE ${standsAlone('pg_namespace', 'n.oid')}`,
});

/** A new database has the schema `public`. */
const withoutPublic = selectPieces({
  id: `'no public'`,
  stage: 'schema',
  kind: `'no schema'`,
  name: `'public'`,
  sql: `ARRAY['DROP SCHEMA public']`,
  from: `(SELECT) o WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')`,
});

/** An extension may create its own schema, in which it then belongs. */
const extension = selectPieces({
  id: idOf('pg_extension', 'x.oid'),
  stage: 'extension',
  kind: `'extension'`,
  name: 'x.extname',
  sql: `ARRAY[format('CREATE EXTENSION IF NOT EXISTS %I', x.extname)
      || CASE WHEN ${standsAlone('pg_namespace', 'x.extnamespace')} THEN ' WITH SCHEMA ' || x.extnamespace::regnamespace ELSE '' END]`,
  needs: `ARRAY[${idOf('pg_namespace', 'x.extnamespace')}]`,
  from: `pg_extension x WHERE x.oid >= 16384`,
});

const collation = selectPieces({
  id: idOf('pg_collation', 'c.oid'),
  stage: 'collation',
  kind: `'collation'`,
  name: `(pg_identify_object('pg_collation'::regclass, c.oid, 0)).identity`,
  sql: `ARRAY[format('CREATE COLLATION %I.%I (%s)', n.name, c.collname, concat_ws(', ',
      'provider = ' || CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
      'locale = ' || quote_literal(coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale')),
      CASE WHEN c.collprovider = 'c' THEN format('lc_collate = %L, lc_ctype = %L', c.collcollate, c.collctype) END,
      CASE WHEN NOT c.collisdeterministic THEN 'deterministic = false' END,
      'rules = ' || quote_literal(to_jsonb(c) ->> 'collicurules')))]`,
  from: `pg_collation c JOIN schemas n ON n.oid = c.collnamespace WHERE ${standsAlone('pg_collation', 'c.oid')}`,
});

const attributes = `(SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
      || coalesce(${collated('a.attcollation', 'y.typcollation')}, ''), ', ' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)`;

const labels = `(SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
    FROM pg_enum l WHERE l.enumtypid = t.oid)`;

const rangeOptions = `concat_ws(', ', 'subtype = ' || format_type(r.rngsubtype, NULL),
    'subtype_opclass = ' || (SELECT format('%I.%I', m.nspname, o.opcname) FROM pg_opclass o
      JOIN pg_namespace m ON m.oid = o.opcnamespace WHERE o.oid = r.rngsubopc AND NOT o.opcdefault),
    'collation = ' || CASE WHEN r.rngcollation <> (SELECT typcollation FROM pg_type WHERE oid = r.rngsubtype) THEN r.rngcollation::regcollation END,
    'canonical = ' || nullif(r.rngcanonical::oid, 0)::regproc, 'subtype_diff = ' || nullif(r.rngsubdiff::oid, 0)::regproc,
    (SELECT format('multirange_type_name = %I.%I', m.nspname, y.typname) FROM pg_type y
      JOIN pg_namespace m ON m.oid = y.typnamespace WHERE y.oid = r.rngmultitypid))`;

const type = selectPieces({
  id: idOf('pg_type', 't.oid'),
  stage: 'type',
  kind: `'type'`,
  schema: 'n.name',
  name: 't.typname',
  sql: `ARRAY[format('CREATE TYPE %I.%I AS ', n.name, t.typname) || CASE t.typtype
      WHEN 'e' THEN 'ENUM (' || coalesce(${labels}, '') || ')'
      WHEN 'r' THEN 'RANGE (' || ${rangeOptions} || ')'
      ELSE '(' || coalesce(${attributes}, '') || ')' END]`,
  from: `pg_type t JOIN schemas n ON n.oid = t.typnamespace LEFT JOIN pg_range r ON r.rngtypid = t.oid
    WHERE (t.typtype IN ('e', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
      AND ${standsAlone('pg_type', 't.oid')}`,
});

/** PostgreSQL 17 also stores NOT NULL as a constraint. A check that is not validated is added later. */
const checks = (filter: string, form: string) =>
  `(SELECT array_agg(${form} ORDER BY o.conname COLLATE "C")
     FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c' AND ${filter})`;

const domain = selectPieces({
  id: idOf('pg_type', 't.oid'),
  stage: 'domain',
  kind: `'domain'`,
  schema: 'n.name',
  name: 't.typname',
  sql: `ARRAY[format('CREATE DOMAIN %I.%I AS %s', n.name, t.typname, format_type(t.typbasetype, t.typtypmod))
      || coalesce(${collated('t.typcollation', 'b.typcollation')}, '')
      || coalesce(' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0), '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
      || coalesce(array_to_string(${checks('o.convalidated', `format(E'\\n  CONSTRAINT %I %s', o.conname, pg_get_constraintdef(o.oid))`)}, ''), '')]
      || coalesce(${checks('NOT o.convalidated', `format('ALTER DOMAIN %I.%I ADD CONSTRAINT %I %s', n.name, t.typname, o.conname, pg_get_constraintdef(o.oid))`)}, '{}')`,
  from: `pg_type t JOIN schemas n ON n.oid = t.typnamespace JOIN pg_type b ON b.oid = t.typbasetype
    WHERE t.typtype = 'd' AND ${standsAlone('pg_type', 't.oid')}`,
});

const dictionary = selectPieces({
  id: idOf('pg_ts_dict', 'd.oid'),
  stage: 'text search',
  kind: `'text search dictionary'`,
  name: `(pg_identify_object('pg_ts_dict'::regclass, d.oid, 0)).identity`,
  sql: `ARRAY[format('CREATE TEXT SEARCH DICTIONARY %I.%I (%s)', n.name, d.dictname, concat_ws(', ',
      'template = ' || (pg_identify_object('pg_ts_template'::regclass, d.dicttemplate, 0)).identity, d.dictinitoption))]`,
  from: `pg_ts_dict d JOIN schemas n ON n.oid = d.dictnamespace WHERE ${standsAlone('pg_ts_dict', 'd.oid')}`,
});

/** The token types that are mapped to the same dictionaries are listed in one statement. */
const mappings = `(SELECT array_agg(format('ALTER TEXT SEARCH CONFIGURATION %I.%I ADD MAPPING FOR %s WITH %s',
        n.name, c.cfgname, k.tokens, k.dictionaries) ORDER BY k.tokens COLLATE "C")
    FROM (SELECT string_agg(quote_ident(t.alias), ', ' ORDER BY t.alias COLLATE "C") AS tokens, t.dictionaries
      FROM (SELECT y.alias, string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS dictionaries
        FROM pg_ts_config_map m JOIN ts_token_type(c.cfgparser) y ON y.tokid = m.maptokentype
        WHERE m.mapcfg = c.oid GROUP BY y.alias) t GROUP BY t.dictionaries) k)`;

const configuration = selectPieces({
  id: idOf('pg_ts_config', 'c.oid'),
  stage: 'text search',
  kind: `'text search configuration'`,
  name: `(pg_identify_object('pg_ts_config'::regclass, c.oid, 0)).identity`,
  sql: `ARRAY[format('CREATE TEXT SEARCH CONFIGURATION %I.%I (parser = %s)', n.name, c.cfgname,
      (pg_identify_object('pg_ts_parser'::regclass, c.cfgparser, 0)).identity)] || coalesce(${mappings}, '{}')`,
  from: `pg_ts_config c JOIN schemas n ON n.oid = c.cfgnamespace WHERE ${standsAlone('pg_ts_config', 'c.oid')}`,
});

const cast = selectPieces({
  id: idOf('pg_cast', 'c.oid'),
  stage: 'cast',
  kind: `'cast'`,
  name: `(pg_identify_object('pg_cast'::regclass, c.oid, 0)).identity`,
  sql: `ARRAY[format('CREATE CAST (%s AS %s) ', format_type(c.castsource, NULL), format_type(c.casttarget, NULL))
      || CASE c.castmethod WHEN 'i' THEN 'WITH INOUT' WHEN 'b' THEN 'WITHOUT FUNCTION' ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure END
      || CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END]`,
  from: `pg_cast c WHERE c.oid >= 16384 AND ${standsAlone('pg_cast', 'c.oid')}`,
});

/** The sequences of identity columns are created with their tables. */
const isOfIdentity = `EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i')`;

const owner = `pg_depend d JOIN pg_class t ON t.oid = d.refobjid
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
    AND d.refobjsubid > 0 AND d.deptype = 'a'`;

const sequence = selectPieces({
  id: idOf('pg_class', 'c.oid'),
  stage: 'sequence',
  kind: `'sequence'`,
  schema: 'c.schema',
  parent: `coalesce((SELECT t.relname FROM ${owner}), '')`,
  name: 'c.relname',
  sql: `ARRAY[concat('CREATE ', CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED ' END, format('SEQUENCE %I.%I', c.schema, c.relname),
      CASE WHEN s.seqtypid <> 'int8'::regtype THEN ' AS ' || format_type(s.seqtypid, NULL) END, ${sequenceOptions})]`,
  from: `relations c JOIN pg_sequence s ON s.seqrelid = c.oid ${sequenceLimits} WHERE NOT ${isOfIdentity}`,
});

const sequenceOwner = selectPieces({
  id: `'owner ' || ${idOf('pg_class', 'c.oid')}`,
  stage: 'sequence owner',
  kind: `'sequence'`,
  schema: 'c.schema',
  parent: 'o.relname',
  name: 'c.relname',
  sql: `ARRAY[format('ALTER SEQUENCE %I.%I OWNED BY %s.%I', c.schema, c.relname, o.owner::regclass, o.attname)]`,
  needs: `ARRAY[${idOf('pg_class', 'c.oid')}, ${idOf('pg_class', 'o.owner')}]`,
  from: `relations c CROSS JOIN LATERAL (SELECT t.oid AS owner, t.relname, a.attname FROM ${owner}) o WHERE c.relkind = 'S'`,
});

/** Everything that tables are made of. */
export const typePieces: readonly string[] = [
  schema,
  withoutPublic,
  extension,
  collation,
  type,
  domain,
  dictionary,
  configuration,
  cast,
  sequence,
  sequenceOwner,
];
