import type { Application } from '../application.ts';
import { organizationId } from './backfills/organization-id.ts';

/** The bundled SaaS application, declared as any other application would be. */
export const reference: Application = {
  backfills: [organizationId],
  reports: async () => (await import('./reports/index.ts')).reports,
  checks: async () => (await import('./checks/index.ts')).checks,
};
