import type { CatalogueExamples } from './example.ts';
import { indexes } from './indexes.ts';
import { integrity } from './integrity.ts';
import { security } from './security.ts';
import { server } from './server.ts';
import { tables } from './tables.ts';

export const catalogueExamples: CatalogueExamples = {
  ...integrity,
  ...indexes,
  ...tables,
  ...security,
  ...server,
};
