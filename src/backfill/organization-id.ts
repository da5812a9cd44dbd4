import type { Backfill, BackfillTarget } from './definition.ts';

const fromContent = (table: string): BackfillTarget => ({
  table,
  key: 'id',
  column: 'organization_id',
  reference: 'content_id',
  source: { table: 'content', key: 'id', value: 'organization_id' },
});

/** Rows older than multi-tenancy get the organization of the content they are about. */
export const organizationId: Backfill = {
  name: 'organization-id',
  summary: 'organization_id of content_access and purchases, from content',
  targets: [fromContent('content_access'), fromContent('purchases')],
};
