import type { Declarations } from '../declarations.ts';
import { seedsSchema } from '../seed/definition.ts';
import { seeds } from './seeds/index.ts';

/** What the bundled application declares about its tables, as any other application would. */
export const declarations: Declarations = { seeds: seedsSchema.parse(seeds) };
