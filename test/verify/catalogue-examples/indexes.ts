import type { CatalogueExamples } from './example.ts';

export const indexes: CatalogueExamples = {};
