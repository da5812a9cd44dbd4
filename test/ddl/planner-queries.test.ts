import { extract } from '@supabase/pg-delta/extract';
import { types } from 'pg';
import { describe, expect, it } from 'vitest';
import { rewriteQuery } from '../../src/ddl/planner-pool.ts';
import type { Session } from '../../src/db/session.ts';
import { withSession } from '../db/session.ts';
import { newestAndEmbedded, withDatabase, type Target } from '../db/targets.ts';
import { menagerie, zoo } from '../catalog/zoo.ts';

const comments = `
  COMMENT ON SCHEMA public IS 'schema'; COMMENT ON TABLE accounts IS 'table'; COMMENT ON COLUMN accounts.email IS 'column';
  COMMENT ON CONSTRAINT accounts_later ON accounts IS 'constraint'; COMMENT ON INDEX accounts_lower IS 'index';
  COMMENT ON SEQUENCE invoice_number IS 'sequence'; COMMENT ON MATERIALIZED VIEW seen IS 'view';
  COMMENT ON FUNCTION touch() IS 'function'; COMMENT ON POLICY own ON accounts IS 'policy';
  COMMENT ON TYPE mood IS 'enum'; COMMENT ON TYPE address IS 'composite'; COMMENT ON TYPE spread IS 'range';
  COMMENT ON DOMAIN email IS 'domain'; COMMENT ON CONSTRAINT email_at ON DOMAIN email IS 'constraint of a domain'`;

interface Asked {
  text: string;
  plain: unknown[];
  quick: unknown[];
}

const isOfDependencies = ({ text }: Pick<Asked, 'text'>) => text.includes('endpoints AS (');

/** Reads the catalog as the planner asks for it, or as dbops sends it. */
async function read({ client }: Session, sent: (text: string) => string) {
  const query = (text: string, values?: unknown[]) =>
    client.query({ text: sent(text), ...(values && { values }), types });
  const { factBase } = await extract({
    connect: async () => ({ query, release: () => {} }),
  } as never);
  return factBase;
}

/** Asks every query that dbops changes in both forms. */
async function askTwice(session: Session): Promise<Asked[]> {
  const texts: string[] = [];
  await read(session, (text) => {
    if (rewriteQuery(text) !== text) texts.push(text);
    return text;
  });
  const asked: Asked[] = [];
  await session.script('BEGIN; SET LOCAL search_path TO pg_catalog');
  for (const text of texts)
    asked.push({
      text,
      plain: await session.query(text),
      quick: await session.query(rewriteQuery(text)),
    });
  await session.script('ROLLBACK');
  return asked;
}

const inAnyOrder = (rows: readonly unknown[]) =>
  rows.map((row) => JSON.stringify(row, asText)).toSorted();
const asText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);

function withZoo(target: Target, test: (session: Session) => Promise<void>): Promise<void> {
  return withDatabase(target, (url) =>
    withSession(url, async (session) => {
      for (const sql of [...Object.values({ ...zoo, ...menagerie }), comments])
        await session.script(sql);
      await test(session);
    }),
  );
}

describe.each(newestAndEmbedded)('a query of the planner on $name', (target) => {
  it('returns the same rows in the form that takes less time', () =>
    withZoo(target, async (session) => {
      const all = await askTwice(session);
      const asked = all.filter((each) => !isOfDependencies(each));
      expect(all).toHaveLength(asked.length + 1);
      const by = (rows: 'plain' | 'quick') =>
        asked.map((each) => ({ text: each.text, rows: inAnyOrder(each[rows]) }));
      expect(by('quick')).toEqual(by('plain'));
      const found = by('quick').flatMap(({ rows }) => rows);
      for (const comment of ['table', 'column', 'enum', 'policy', 'constraint of a domain'])
        expect(found.join()).toContain(`"comment":"${comment}"`);
      expect(asked.length).toBeGreaterThan(15);
    }));

  it('finds the same dependencies between the objects that are planned', () =>
    withZoo(target, async (session) => {
      const plain = await read(session, (text) => text);
      const quick = await read(session, rewriteQuery);
      expect(quick.rootHash).toBe(plain.rootHash);
      expect(inAnyOrder(quick.edges)).toEqual(inAnyOrder(plain.edges));
      expect(inAnyOrder(quick.edges).join()).toContain('touch');
    }));
});
