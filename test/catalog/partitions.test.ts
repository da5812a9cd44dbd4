import { describe, expect, it } from 'vitest';
import { servers, serversBetween } from '../db/targets.ts';
import { withProject } from '../migrate/project.ts';

const files = {
  '0001_events.up.sql': `CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE events_24 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE events_25 (id bigint NOT NULL, at date NOT NULL);
    ALTER TABLE events ATTACH PARTITION events_25 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');`,
  '0002_more.up.sql': `CREATE TABLE events_26 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');`,
};

// Before PostgreSQL 17, partitions do not inherit the identity of their parent.
describe.each([...servers, ...serversBetween])('an identity of partitions on $name', (target) => {
  it('is no difference for any command', () =>
    withProject(target, files, async ({ dbops: run, query }) => {
      await run('migrate', 'up');
      expect(await run('verify', 'schema')).toMatchObject({ exitCode: 0 });
      expect(await run('repair-tracking')).toMatchObject({ exitCode: 0 });
      await query('DROP SCHEMA dbops CASCADE');
      expect(await run('migrate', 'baseline', '--dry-run')).toMatchObject({ exitCode: 0 });
    }));

  it('is missed on the parent', () =>
    withProject(target, files, async ({ dbops: run, query }) => {
      await run('migrate', 'up');
      await query('ALTER TABLE events ALTER id DROP IDENTITY');
      const answer = await run('verify', 'schema');
      expect(answer).toMatchObject({ exitCode: 4 });
      expect(answer.stdout).toContain('id on public.events ');
    }));
});
