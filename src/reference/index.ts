import type { Application } from '../application.ts';

/** The bundled SaaS application, declared as any other application would be. */
export const reference: Application = {
  seeds: async () => (await import('./seeds/index.ts')).seeds,
};
