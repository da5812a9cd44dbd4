import type { CatalogueExamples } from './example.ts';

export const server: CatalogueExamples = {};
