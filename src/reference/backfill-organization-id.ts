import type { BackfillDefinition, BackfillTarget } from '../backfill/definition.ts';

const fromContent = (table: string): BackfillTarget => ({
  table,
  set: 'organization_id = content.organization_id',
  from: 'content',
  on: `content.id = ${table}.content_id`,
});

/** Sets the organization of rows that are older than multi-tenancy, from their content. */
export const organizationId: BackfillDefinition = {
  summary: 'organization_id of content_access and purchases, from content',
  targets: [fromContent('content_access'), fromContent('purchases')],
};
