import type { CatalogueExamples } from './example.ts';

export const security: CatalogueExamples = {};
